-- Candidates of the paper's stage I. One row per cut; each dataset is a domain of its own.
-- Questions about the same audio (who speaks, in which mood) are rows of stage III.
SELECT
  cut_id,
  corpus AS domain   -- a recipe's name
FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
WHERE split = 'train' AND task IN ('asr', 'sound') AND corpus IN (
  'mls', 'gigaspeech', 'europarl_asr', 'librispeech', 'textrolspeech', 'tedlium', 'vocalsound_libritts', 'tut2017_libritts'
)
