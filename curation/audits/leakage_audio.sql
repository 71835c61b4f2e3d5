-- severity: error
-- means: Audio of the dev or test split is also training audio (or test audio that of dev): cuts of one file overlap in time.
-- do: Split by recording and audio (import with --split hash), or refuse the copies with the reason duplicate.
-- setting: least_overlap = 0.01
-- The small side is looked up: millions of training cuts pass by without being kept.
WITH pieces AS (
  FROM shared_pieces
),
held_keys AS (
  SELECT DISTINCT level, key FROM pieces WHERE held
),
shared AS (
  SELECT *
  FROM pieces
  SEMI JOIN held_keys USING (level, key)
),
seen_keys AS (
  SELECT DISTINCT level, key FROM shared WHERE NOT held
),
-- Of each cut the neighbours in time from the other side: the one before that ends last, and the next one.
beside AS (
  SELECT
    *,
    max({stop: stop, start: start, cut: cut_id, corpus: corpus, split: split}) FILTER (NOT held) OVER (
      PARTITION BY level, key ORDER BY start, stop RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS before,
    min({start: start, stop: stop, cut: cut_id, corpus: corpus, split: split}) FILTER (NOT held) OVER (
      PARTITION BY level, key ORDER BY start RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS after
  FROM shared
  SEMI JOIN seen_keys USING (level, key)
),
pairs AS (
  SELECT * EXCLUDE (before, after), before.cut AS cut, before.corpus AS its_corpus, before.split AS its_split, before.start AS its_start, before.stop AS its_stop
  FROM beside
  WHERE held AND before IS NOT NULL
  UNION ALL
  SELECT * EXCLUDE (before, after), after.cut, after.corpus, after.split, after.start, after.stop
  FROM beside
  WHERE held AND after IS NOT NULL
),
overlapping AS (
  SELECT *, least(stop, its_stop) - greatest(start, its_start) AS overlap FROM pairs
)
SELECT
  cut_id,
  corpus,
  split,
  cut AS other_cut_id,
  its_corpus AS other_corpus,
  its_split AS other_split,
  format('{:.2f} s of the same {}', overlap, left(key, 80)) AS evidence,
  format('{} cut, {} as {} of {} ({}, {:.2f} to {:.2f} s)', split, evidence, cut, its_corpus, its_split, its_start, its_stop) AS found,
  overlap AS worst,
  duration AS seconds
FROM overlapping
WHERE overlap > getvariable('least_overlap')
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY level, overlap DESC, cut, key DESC) = 1
