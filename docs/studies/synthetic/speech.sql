-- Real prompts, and speech that synthesisers made, as two domains.
-- One row per cut: English, at most 30 s, in the train split, nothing that a quality rule refused.
-- setting: real = 1.0
SELECT
  cut_id,                                                                     -- what to draw
  CASE WHEN corpus = 'asterisk' THEN 'real' ELSE 'synthetic' END AS domain    -- what shares are given over
FROM accepted
WHERE split = 'train' AND duration <= 30 AND task = 'asr' AND language = 'en'
  -- `real` of the prompts, the same ones for every seed, smaller parts inside larger ones.
  AND (corpus <> 'asterisk' OR ('0x' || md5(cut_id)[:8])::BIGINT < getvariable('real') * 4294967296)
