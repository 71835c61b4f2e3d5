-- severity: warning
-- means: Two tables of the paper give different numbers for the same dataset in the same stage.
-- do: Count again from the corpus itself.
-- setting: tolerance = 0.01
SELECT
  a.dataset AS subject,
  format('{} samples in {}, {} in {}', a.samples, a.source, b.samples, b.source) AS found,
  abs(a.samples / b.samples - 1) AS worst
FROM paper.mentions AS a
JOIN paper.mentions AS b ON a.dataset = b.dataset AND a.stage = b.stage AND a.source < b.source
WHERE abs(a.samples / b.samples - 1) > getvariable('tolerance')
