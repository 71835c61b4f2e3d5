-- Candidates of the paper's stage III. One row per cut and task; a cut may serve several tasks.
SELECT
  cut_id,
  task AS domain
FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
WHERE split = 'train'
