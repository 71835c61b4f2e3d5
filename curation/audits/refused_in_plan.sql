-- severity: error
-- means: A plan draws a cut that a labelling pass refused (silent, clipped, a duplicate, its words are not heard, it cannot be encoded).
-- do: Select from `accepted` in place of `cuts` in the mixture's query and plan again. `soundwave train` refuses such a plan.
WITH drawn AS (
  SELECT cut_id, string_agg(DISTINCT plan, ', ' ORDER BY plan) AS in_plans, count(*) AS draws
  FROM plans
  GROUP BY cut_id
),
verdicts AS (
  SELECT cut_id, string_agg(DISTINCT format('{} ({})', reason, pass), ', ' ORDER BY format('{} ({})', reason, pass)) AS reasons
  FROM refused
  GROUP BY cut_id
)
SELECT
  cut_id,
  corpus,
  format('{}: drawn {} times by {}', reasons, draws, in_plans) AS found,
  draws AS worst,
  duration AS seconds
FROM drawn
JOIN verdicts USING (cut_id)
LEFT JOIN cuts USING (cut_id)
