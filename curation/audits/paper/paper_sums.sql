-- severity: warning
-- means: The rows of a table do not add up to the total that the paper prints.
-- do: Use the rows, and the sum of the rows, never the printed total.
-- setting: most_hours_apart = 0.05
WITH added AS (
  SELECT 'stage I' AS what, sum(hours) AS hours FROM paper.stage_1
  UNION ALL SELECT 'stage II', sum(hours) FROM paper.stage_2
  UNION ALL SELECT 'stage III', sum(hours) FROM paper.stage_3
  UNION ALL SELECT 'unique', hours FROM paper.totals WHERE what = 'sum of the rows'
)
SELECT
  format('{} ({})', what, source) AS subject,
  format('the rows add up to {:.2f} h, the paper prints {:.2f} h', added.hours, totals.hours) AS found,
  abs(added.hours - totals.hours) AS worst
FROM added
JOIN paper.totals AS totals USING (what)
WHERE abs(added.hours - totals.hours) > getvariable('most_hours_apart')
