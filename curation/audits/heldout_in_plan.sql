-- severity: error
-- means: A training plan draws a cut of the dev or test split, or one that the catalog no longer has.
-- do: Add WHERE split = 'train' to the mixture's query and plan again.
WITH drawn AS (
  SELECT cut_id, string_agg(DISTINCT plan, ', ' ORDER BY plan) AS in_plans, count(*) AS draws
  FROM plans
  GROUP BY cut_id
)
SELECT
  drawn.cut_id,
  corpus,
  format('{} cut drawn {} times by {}', coalesce(split, 'unknown'), draws, in_plans) AS found,
  draws AS worst,
  duration AS seconds
FROM drawn
LEFT JOIN cuts USING (cut_id)
WHERE split IS DISTINCT FROM 'train'
