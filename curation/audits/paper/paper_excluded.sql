-- severity: warning
-- means: The text says that a dataset was excluded from training, and the tables list it.
-- do: Treat scores on its test set as possibly not zero-shot.
SELECT
  a.dataset AS subject,
  format('excluded in the {}, listed in {}', a.source, string_agg(b.source, ', ' ORDER BY b.source)) AS found,
  count(*) AS worst
FROM paper.mentions AS a
JOIN paper.mentions AS b ON a.dataset = b.dataset AND b.says = 'listed'
WHERE a.says = 'excluded'
GROUP BY a.dataset, a.source
