-- severity: warning
-- means: Cuts of one speaker with the same words and nearly the same length, in one split: often one take encoded twice.
-- do: Compare two of them by ear; keep one, or count them as repeats when choosing max_repeats.
-- setting: length_tolerance = 0.01
WITH plain AS (
  SELECT cut_id, corpus, split, speaker, duration, audio_sha256, plain_text(text) AS words
  FROM accepted
  WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND text IS NOT NULL
),
-- Neighbours in length among cuts of the same words and voice.
beside AS (
  SELECT
    *,
    lag(duration) OVER alike AS before,
    lead(duration) OVER alike AS after,
    lag(audio_sha256) OVER alike AS audio_before,
    lead(audio_sha256) OVER alike AS audio_after
  FROM plain
  WHERE words <> ''
  WINDOW alike AS (PARTITION BY corpus, split, speaker, words ORDER BY duration, cut_id)
)
SELECT
  cut_id,
  corpus,
  format('{:.2f} s: {}', duration, left(words, 60)) AS found,
  length(words) AS worst,
  duration AS seconds
FROM beside
WHERE (duration - before <= getvariable('length_tolerance') * duration AND audio_before IS DISTINCT FROM audio_sha256)
  OR (after - duration <= getvariable('length_tolerance') * duration AND audio_after IS DISTINCT FROM audio_sha256)
