-- Candidates of the paper's stage II. One row per cut; the four task groups of the temperature schedule are the domains.
SELECT
  cut_id,
  task AS domain   -- asr | st | sound | qa
FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
WHERE split = 'train' AND (
  (task = 'asr' AND corpus IN ('mls', 'gigaspeech', 'europarl_asr', 'librispeech', 'textrolspeech', 'tedlium'))
  OR (task = 'st' AND corpus IN ('covost2', 'mustc') AND language = 'en' AND target_language = 'de')
  OR (task = 'sound' AND corpus IN ('vocalsound', 'tut2017'))
  OR (task = 'qa' AND corpus IN ('text_qa'))
)
