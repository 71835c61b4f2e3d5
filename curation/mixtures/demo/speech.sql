-- Candidates of both demos, with synthetic speech as a domain of its own.
-- One row per cut or question. Only the train split; nothing that a quality rule refused, and at most the
-- paper's 30 seconds.
SELECT
  cut_id,                                                                               -- what to draw
  CASE WHEN task <> 'asr' THEN task
       WHEN corpus IN ('heart', 'flite') THEN 'synthetic' ELSE 'real' END AS domain     -- what shares are given over
FROM accepted
WHERE split = 'train' AND duration <= 30 AND task IN ('asr', 'st', 'sound', 'qa')
