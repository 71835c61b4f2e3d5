-- What plans were chosen by. Table: locks.

CREATE VIEW rules AS
SELECT study, plan, run, 'query' AS kind, settings->>'select' AS name, query AS sql, sha256(query) AS sha256, NULL::VARCHAR AS settings
FROM locks
WHERE query IS NOT NULL
UNION ALL
SELECT
  study,
  plan,
  run,
  'rules' AS kind,
  settings->>'rules' AS name,
  settings->>'rules_query' AS sql,
  sha256(settings->>'rules_query') AS sha256,
  CAST(settings->'rule' AS VARCHAR) AS settings
FROM locks
WHERE settings->>'rules_query' IS NOT NULL;

-- The run that each began with, wherever both lie now. One row per run that began with another one.
CREATE VIEW run_parents AS
SELECT child.run, parent.run AS parent
FROM runs AS child
JOIN runs AS parent
  ON parent.run <> child.run
    AND (
      parent.folder = child.parent
      OR (parent.study IS NOT DISTINCT FROM child.study AND parse_filename(parent.folder) = parse_filename(child.parent))
    )
QUALIFY row_number() OVER (PARTITION BY child.run ORDER BY parent.folder <> child.parent, parent.run) = 1;

-- Each run with all that it was trained in: itself, what it began with, what that began with. One row per run and part.
CREATE VIEW run_chains AS
WITH RECURSIVE chain(run, part) AS (
  SELECT run, run FROM runs
  UNION
  SELECT chain.run, run_parents.parent FROM chain JOIN run_parents ON run_parents.run = chain.part
)
FROM chain;

-- Runs of which every part is there and has a ledger: only of these is it known which cuts they have not seen.
CREATE VIEW known_runs AS
WITH told AS (
  SELECT run, run IN (SELECT run FROM ledger) AND (parent IS NULL OR run IN (SELECT run FROM run_parents)) AS known FROM runs
)
SELECT chain.run FROM run_chains AS chain JOIN told ON told.run = chain.part GROUP BY chain.run HAVING bool_and(known);

-- What each such run was trained on, by cut. One row per run and cut.
CREATE VIEW run_cuts AS
SELECT chain.run, cut_id, count(*) AS draws
FROM run_chains AS chain
JOIN ledger ON ledger.run = chain.part
WHERE chain.run IN (FROM known_runs)
GROUP BY ALL;

-- How well the last stages of a study did by one figure, and how much better than others with as much audio: `beyond` is
-- what a line over the logarithm of the hours leaves, where a grid has three amounts or more, else what the mean leaves.
-- More is better. One row per run and grid.
CREATE MACRO ranked_runs(figure) AS TABLE
WITH good AS (
  SELECT
    study,
    grid,
    stage,
    run,
    avg(CASE better WHEN 'lower' THEN -value WHEN 'higher' THEN value END) AS good,
    avg(ln(greatest(hours, 1e-6))) AS size
  FROM outcomes
  WHERE outcome = figure AND better IS NOT NULL AND last AND run IN (FROM known_runs)
  GROUP BY ALL
),
lines AS (
  SELECT study, grid, stage, count(DISTINCT size) AS sizes, avg(good) AS mean, regr_slope(good, size) AS slope, avg(size) AS middle
  FROM good
  GROUP BY ALL
)
SELECT study, grid, stage, run, good, good - mean - CASE WHEN sizes > 2 THEN slope * (size - middle) ELSE 0 END AS beyond
FROM good JOIN lines USING (study, grid, stage);

-- cut_gain('llm_wer'): how much better runs do that trained on a cut than those that did not, and its standard error. One row
-- per study, grid and cut that some runs have and some have not. Few runs tell little of one cut: look at the error, and sum.
CREATE MACRO cut_gain(figure := 'llm_wer') AS TABLE
WITH ranked AS (FROM ranked_runs(figure)),
whole AS (
  SELECT study, grid, stage, count(*) AS runs, sum(beyond) AS total, sum(beyond * beyond) AS squares FROM ranked GROUP BY ALL
),
inside AS (
  SELECT study, grid, stage, cut_id, count(*) AS n, sum(beyond) AS total, sum(beyond * beyond) AS squares
  FROM ranked JOIN run_cuts USING (run)
  GROUP BY ALL
),
sides AS (
  SELECT
    study,
    grid,
    stage,
    cut_id,
    inside.n AS n_in,
    whole.runs - inside.n AS n_out,
    inside.total / n_in AS mean_in,
    (whole.total - inside.total) / n_out AS mean_out,
    greatest(inside.squares - n_in * mean_in * mean_in, 0) AS spread_in,
    greatest(whole.squares - inside.squares - n_out * mean_out * mean_out, 0) AS spread_out
  FROM inside JOIN whole USING (study, grid, stage)
  WHERE inside.n < whole.runs
)
SELECT
  study,
  grid,
  cut_id,
  n_in AS runs_in,
  n_out AS runs_out,
  mean_in - mean_out AS gain,
  CASE WHEN n_in + n_out > 2 THEN sqrt((spread_in + spread_out) / (n_in + n_out - 2) * (1 / n_in + 1 / n_out)) END AS error,
  corpus,
  domain,
  duration
FROM sides LEFT JOIN cuts USING (cut_id)
ORDER BY gain DESC, cut_id;

-- value_by_corpus('llm_wer'): what hours of a corpus and domain are worth: the slope of the figure (more is better) over the
-- hours of it that the runs of a grid trained on, draws counted, and what training made of its cuts. One row per study, grid,
-- corpus and domain; `per_hour` is NULL where all runs had as much of it, within a tenth.
CREATE MACRO value_by_corpus(figure := 'llm_wer') AS TABLE
WITH ranked AS (FROM ranked_runs(figure)),
kinds AS (
  SELECT DISTINCT study, grid, corpus, domain
  FROM ranked JOIN run_cuts USING (run) JOIN cuts USING (cut_id)
),
seen AS (
  SELECT run, corpus, domain, sum(draws * duration) / 3600 AS hours FROM run_cuts JOIN cuts USING (cut_id) GROUP BY ALL
),
slopes AS (
  SELECT
    study,
    grid,
    corpus,
    domain,
    count(*) AS runs,
    min(coalesce(hours, 0)) AS least_hours,
    max(coalesce(hours, 0)) AS most_hours,
    CASE
      WHEN max(coalesce(hours, 0)) > 1.1 * min(coalesce(hours, 0)) THEN regr_slope(good, coalesce(hours, 0))
    END AS per_hour
  FROM kinds JOIN ranked USING (study, grid) LEFT JOIN seen USING (run, corpus, domain)
  GROUP BY ALL
),
learnt AS (
  SELECT corpus, cuts.domain, avg(last_loss) AS last_loss, avg(fell) AS fell, avg(times_usual) AS times_usual
  FROM cut_losses JOIN cuts USING (cut_id)
  GROUP BY ALL
)
FROM slopes LEFT JOIN learnt USING (corpus, domain) ORDER BY ALL;
