-- What moves from plan A to plan B. One row per dimension and name.
-- Tables: plan_a, plan_b (cut_id, domain, seconds, one row per draw), cuts.
WITH draws AS (
  SELECT cut_id, domain, seconds, 0.0 AS seconds_b FROM plan_a
  UNION ALL
  SELECT cut_id, domain, 0.0, seconds FROM plan_b
),
described AS (
  SELECT
    draws.*,
    corpus,
    coalesce(language, '-') AS language,
    coalesce(speaker, '-') AS speaker,
    CASE WHEN sound IS NULL OR len(sound) = 0 THEN ['-'] ELSE sound END AS labels
  FROM draws
  LEFT JOIN cuts USING (cut_id)
),
named AS (
  SELECT 'all' AS dimension, 'all' AS name, cut_id, seconds, seconds_b FROM described
  UNION ALL SELECT 'domain', domain, cut_id, seconds, seconds_b FROM described
  UNION ALL SELECT 'corpus', corpus, cut_id, seconds, seconds_b FROM described
  UNION ALL SELECT 'language', language, cut_id, seconds, seconds_b FROM described
  UNION ALL SELECT 'speaker', speaker, cut_id, seconds, seconds_b FROM described
  UNION ALL SELECT 'label', unnest(labels), cut_id, seconds, seconds_b FROM described
)
SELECT
  dimension,
  name,
  sum(seconds) / 3600 AS hours_a,    -- drawn by A, repeats counted
  sum(seconds_b) / 3600 AS hours_b,  -- drawn by B
  (sum(seconds_b) - sum(seconds)) / 3600 AS change,
  count(DISTINCT cut_id) FILTER (WHERE cut_id NOT IN (SELECT cut_id FROM plan_a)) AS added,    -- cuts only in B
  count(DISTINCT cut_id) FILTER (WHERE cut_id NOT IN (SELECT cut_id FROM plan_b)) AS removed   -- cuts only in A
FROM named
GROUP BY dimension, name
ORDER BY
  list_position(['all', 'domain', 'corpus', 'language', 'label', 'speaker'], dimension),
  greatest(hours_a, hours_b) DESC,
  name
