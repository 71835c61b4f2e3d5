-- severity: warning
-- means: A dataset that one table of the paper lists for a stage is left out of another table of the same stage.
-- do: Decide by the tables with hours; say which table a mixture follows.
SELECT
  a.dataset AS subject,
  format('{} leaves it out, {} lists it (stage {})', a.source, string_agg(l.source, ', ' ORDER BY l.source), a.stage) AS found,
  max(l.samples) AS worst
FROM paper.mentions AS a
JOIN paper.mentions AS l ON a.dataset = l.dataset AND a.stage = l.stage AND l.says = 'listed'
WHERE a.says = 'absent'
GROUP BY a.dataset, a.source, a.stage
