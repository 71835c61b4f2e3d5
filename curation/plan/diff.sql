-- What moves from plan A to plan B. One row per dimension and name.
-- Tables: plan_a, plan_b (cut_id, domain, seconds, one row per draw), cuts.
-- Draws are added up by cut first: from there on a cut is one row, and counting needs no list of those counted.
WITH draws AS NOT MATERIALIZED (
  SELECT cut_id, domain, seconds, 0.0 AS seconds_b, true AS of_a FROM plan_a
  UNION ALL
  SELECT cut_id, domain, 0.0, seconds, false FROM plan_b
),
drawn AS (
  SELECT
    cut_id,
    min(domain) AS domain,
    max(domain) AS last_domain,
    sum(seconds) AS seconds,
    sum(seconds_b) AS seconds_b,
    NOT bool_or(of_a) AS added,
    bool_and(of_a) AS removed
  FROM draws
  GROUP BY cut_id
),
described AS (
  SELECT
    drawn.*,
    corpus,
    coalesce(language, '-') AS language,
    coalesce(speaker, '-') AS speaker,
    CASE WHEN sound IS NULL OR len(sound) = 0 THEN ['-'] ELSE sound END AS labels
  FROM drawn
  LEFT JOIN cuts USING (cut_id)
),
labelled AS (
  SELECT
    labels[place] AS label,
    seconds,
    seconds_b,
    list_position(labels, label) = place AND added AS added,  -- a label that a cut has twice
    list_position(labels, label) = place AND removed AS removed
  FROM (SELECT *, unnest(range(1, len(labels) + 1)) AS place FROM described)
),
-- Cuts that stand in several domains are few, if any.
several AS (
  SELECT draws.domain, sum(draws.seconds) AS seconds, sum(draws.seconds_b) AS seconds_b, any_value(added) AS added, any_value(removed) AS removed
  FROM draws
  JOIN drawn USING (cut_id)
  WHERE drawn.domain <> last_domain
  GROUP BY draws.domain, cut_id
),
named AS (
  SELECT 'all' AS dimension, 'all' AS name, seconds, seconds_b, added, removed FROM described
  UNION ALL SELECT 'domain', domain, seconds, seconds_b, added, removed FROM described WHERE domain = last_domain
  UNION ALL SELECT 'domain', domain, seconds, seconds_b, added, removed FROM several
  UNION ALL SELECT 'corpus', corpus, seconds, seconds_b, added, removed FROM described
  UNION ALL SELECT 'language', language, seconds, seconds_b, added, removed FROM described
  UNION ALL SELECT 'speaker', speaker, seconds, seconds_b, added, removed FROM described
  UNION ALL SELECT 'label', label, seconds, seconds_b, added, removed FROM labelled
)
SELECT
  dimension,
  name,
  sum(seconds) / 3600 AS hours_a,    -- drawn by A, repeats counted
  sum(seconds_b) / 3600 AS hours_b,  -- drawn by B
  (sum(seconds_b) - sum(seconds)) / 3600 AS change,
  count_if(added) AS added,    -- cuts only in B
  count_if(removed) AS removed   -- cuts only in A
FROM named
GROUP BY dimension, name
ORDER BY
  list_position(['all', 'domain', 'corpus', 'language', 'label', 'speaker'], dimension),
  greatest(hours_a, hours_b) DESC,
  name
