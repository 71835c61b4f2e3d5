-- Candidates of stage III: transcription, speech translation, sounds, and text-only questions with answers.
-- One row per cut. Only the train split; nothing that a quality rule refused, and at most the
-- paper's 30 seconds.
SELECT
  cut_id,          -- what to draw
  task AS domain   -- what shares are given over
FROM accepted
WHERE split = 'train' AND duration <= 30 AND task IN ('asr', 'st', 'sound', 'qa')
