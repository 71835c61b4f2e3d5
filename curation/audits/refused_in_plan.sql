-- severity: error
-- means: A plan draws a cut that the quality pass refused (silent, clipped, a duplicate, too short or long).
-- do: Select from `accepted` in place of `cuts` in the mixture's query and plan again.
WITH drawn AS (
  SELECT cut_id, string_agg(DISTINCT plan, ', ' ORDER BY plan) AS in_plans, count(*) AS draws
  FROM plans
  GROUP BY cut_id
),
refused AS (
  SELECT cut_id, string_agg(DISTINCT reason, ', ' ORDER BY reason) AS reasons
  FROM rejects
  WHERE pass = 'quality'
  GROUP BY cut_id
)
SELECT
  cut_id,
  corpus,
  format('{}: drawn {} times by {}', reasons, draws, in_plans) AS found,
  draws AS worst,
  duration AS seconds
FROM drawn
JOIN refused USING (cut_id)
LEFT JOIN cuts USING (cut_id)
