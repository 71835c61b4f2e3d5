-- severity: warning
-- means: A voice of the dev or test split is heard in training too (or test in dev) under another name, in this corpus or
--   another, or without one. Only says something after the pass `speaker`; speakers of fewer than three cuts are not told.
-- do: Listen to one cut of each; if it is one person, give both the same speaker, and split by speaker.
-- setting: least_likeness = 0.87
-- setting: least_cuts = 3
WITH named AS (
  SELECT
    level, held, model, cut_id, corpus, split, duration, vector,
    coalesce(corpus || '/' || speaker, corpus || '/' || recording_id || ' (nobody named)') AS name
  FROM compared
  JOIN embeddings USING (cut_id)
  WHERE pass = 'speaker'
),
sides AS (
  SELECT
    *,
    CASE WHEN held THEN 'held ' ELSE 'seen ' END || name AS key,
    count(*) OVER (PARTITION BY level, held, model, name) AS cuts
  FROM named
),
enough AS (
  SELECT * FROM sides WHERE cuts >= getvariable('least_cuts')
),
nearest AS (
  SELECT
    level,
    model,
    unnest(
      nearest_voices(list(vector ORDER BY cut_id), list(key ORDER BY cut_id), list(held ORDER BY cut_id))
    ) AS found
  FROM enough
  GROUP BY level, model
),
alike AS (
  SELECT level, model, found.name AS key, substr(found.other, 6) AS other, found.likeness AS likeness
  FROM nearest
  WHERE found.likeness >= getvariable('least_likeness') AND substr(found.other, 6) <> substr(found.name, 6)
)
SELECT
  cut_id,
  corpus,
  split,
  name AS speaker,
  other AS other_speaker,
  format('{} cut: {} sounds as {} ({:.2f})', split, name, other, likeness) AS found,
  likeness AS worst,
  duration AS seconds
FROM alike
JOIN enough USING (level, model, key)
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY level, likeness DESC, other) = 1
