-- severity: warning
-- means: The temperature formula as printed, p_k = (|D_k| / |D|) ** (1 / T), does not give shares: they do not sum to 1.
-- do: Divide by the sum, as `temperature` in a mixture does.
WITH sized AS (SELECT task, samples / sum(samples) OVER () AS share FROM paper.task_groups),
summed AS (
  SELECT temperature, sum(share ** (1.0 / temperature)) AS total
  FROM sized, paper.temperature
  GROUP BY temperature
)
SELECT
  format('T = {}', temperature) AS subject,
  format('the printed formula sums to {:.2f}', total) AS found,
  total AS worst
FROM summed
WHERE abs(total - 1) > 1e-9
