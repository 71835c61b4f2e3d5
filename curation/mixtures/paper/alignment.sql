-- Candidates of the paper's stage I. One row per cut and domain; each dataset is a domain of its own, those of sounds inside
-- LibriTTS have two: the sounds, and the speech that a training puts them into (`sandwich` in the stage's settings).
-- Questions about the same audio (who speaks, in which mood) are rows of stage III.
WITH usable AS (
  SELECT cut_id, corpus, task
  FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
  WHERE split = 'train'
)
SELECT
  cut_id,
  corpus AS domain   -- a recipe's name
FROM usable
WHERE task = 'asr' AND corpus IN ('mls', 'gigaspeech', 'europarl_asr', 'librispeech', 'textrolspeech', 'tedlium')
UNION ALL
SELECT cut_id, corpus || '_libritts/' || corpus FROM usable WHERE task = 'sound' AND corpus IN ('vocalsound', 'tut2017')
UNION ALL
SELECT cut_id, sounds || '_libritts/libritts'
FROM usable CROSS JOIN (VALUES ('vocalsound'), ('tut2017')) AS pairs(sounds)
WHERE task = 'asr' AND corpus = 'libritts'
