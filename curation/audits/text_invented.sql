-- severity: warning
-- means: A transcript looks as recognisers write over silence and music: it runs in circles, is a phrase of subtitles, or would
--   have to be said far too fast. Only says something after the pass `hallucination`.
-- do: Listen to the worst ones; leave them out (rules: scores.sql), or transcribe them again.
-- setting: least_hallucination = 0.5
SELECT
  cut_id,
  corpus,
  format('{} (of: {})', labels.text, left(accepted.text, 60)) AS found,
  labels.value AS worst,
  duration AS seconds
FROM accepted
JOIN labels USING (cut_id)
WHERE pass = 'hallucination' AND labels.name = 'hallucination' AND labels.value >= getvariable('least_hallucination')
