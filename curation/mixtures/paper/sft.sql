-- Candidates of the paper's stage III. One row per cut; recipes make the rows of most tasks, `soundwave catalog questions
-- TASK --corpus NAME` those of the corpora NAME_TASK.
SELECT
  cut_id,
  CASE
    WHEN corpus = 'vocalsound' THEN 'sound/vocal'
    WHEN task = 'sound' THEN 'sound/scene'
    ELSE task
  END AS domain
FROM accepted SEMI JOIN kept USING (cut_id)   -- `kept`: by the rules that the YAML names
WHERE split = 'train' AND (
  (task = 'asr' AND corpus IN ('librispeech'))
  OR (task = 'st' AND corpus IN ('covost2', 'mustc') AND language = 'en' AND target_language = 'de')
  OR (task = 'grounding' AND corpus IN ('librispeech_grounding'))
  OR (task = 'language' AND corpus IN ('common_voice_language', 'europarl_st_language'))
  OR (task = 'gender' AND corpus IN ('textrolspeech'))
  OR (task = 'emotion' AND corpus IN ('iemocap', 'meld', 'ravdess', 'crema_d'))
  OR (task = 'age' AND corpus IN ('common_voice_age'))
  OR (task IN ('entity', 'intent') AND corpus IN ('slurp'))
  OR (task = 'speakers' AND corpus IN ('voxceleb'))
  OR (task = 'synthetic' AND corpus IN ('fake_or_real'))
  OR (task = 'sound' AND corpus IN ('vocalsound', 'tut2017', 'cochlscene'))
  OR (task = 'chat' AND corpus IN ('fisher'))
  OR (task = 'instruction' AND corpus IN ('anyinstruct'))
)
