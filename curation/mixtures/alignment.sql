-- Candidates of stage I: English prompts and labelled sounds, which the CTC head learns to write down.
-- One row per cut. Only the train split; nothing that a quality rule refused, and at most the
-- paper's 30 seconds.
SELECT
  cut_id,          -- what to draw
  task AS domain   -- what shares are given over
FROM accepted
WHERE split = 'train' AND duration <= 30 AND task IN ('asr', 'sound')
