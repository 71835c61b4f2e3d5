-- severity: warning
-- means: Cuts of one speaker with the same words and nearly the same length, in one split: often one take encoded twice.
-- do: Compare two of them by ear; keep one, or count them as repeats when choosing max_repeats.
-- setting: length_tolerance = 0.01
WITH alike AS (  -- hashes take a fraction of the memory of what they stand for; collisions are sorted out below
  SELECT hash(corpus, split, speaker, plain_text(text)) AS mark
  FROM accepted
  WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND text IS NOT NULL
  GROUP BY mark
  HAVING count(*) > 1
),
plain AS (
  SELECT cut_id, corpus, split, speaker, duration, audio_sha256, text, plain_text(text) AS words
  FROM accepted
  SEMI JOIN alike ON hash(corpus, split, speaker, plain_text(text)) = mark
  WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND regexp_matches(text, '[\p{L}\p{N}]')
),
-- Neighbours in length among cuts of the same words and voice.
beside AS (
  SELECT
    *,
    lag(duration) OVER same AS before,
    lead(duration) OVER same AS after,
    lag(audio_sha256) OVER same AS audio_before,
    lead(audio_sha256) OVER same AS audio_after
  FROM plain
  WINDOW same AS (PARTITION BY corpus, split, speaker, words ORDER BY duration, cut_id)
)
SELECT
  cut_id,
  corpus,
  format('{:.2f} s: {}', duration, left(text, 60)) AS found,
  length(words) AS worst,
  duration AS seconds
FROM beside
WHERE (duration - before <= getvariable('length_tolerance') * duration AND audio_before IS DISTINCT FROM audio_sha256)
  OR (after - duration <= getvariable('length_tolerance') * duration AND audio_after IS DISTINCT FROM audio_sha256)
