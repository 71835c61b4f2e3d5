-- Candidates of the paper's stage II. One row per cut; the four task groups of the temperature schedule are the domains.
SELECT
  cut_id,
  task AS domain   -- asr | st | sound | qa
FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
WHERE split = 'train' AND task IN ('asr', 'st', 'sound', 'qa')
