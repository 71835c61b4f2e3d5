-- Trained rows joined back to what was planned. Tables: ledger, runs, plans, cuts, and
--   run_plan    (run, plan, steps), one row per run: the folder of its plan (NULL if not found) and the plan's steps;
--   run_domains (run, unit, domain, share, planned, draws), one row per run and domain: what its lock promised.

-- The plan of each run. One row per run and planned draw.
CREATE VIEW run_plans AS
SELECT run, step, slot, cut_id, domain, repeat, units, seconds
FROM run_plan
JOIN plans USING (plan);

-- One row per trained draw: the ledger, and what the draw cost.
CREATE VIEW trained AS
WITH costs AS (
  SELECT run, cut_id, domain, any_value(units) AS units, any_value(seconds) AS seconds FROM run_plans GROUP BY ALL
)
SELECT
  ledger.*,
  costs.units,                                                          -- in the plan's unit; NULL without the plan
  coalesce(costs.seconds, nullif(cuts.duration, 0)) AS seconds,
  row_number() OVER (PARTITION BY run, cut_id, domain ORDER BY step) AS use  -- 1 for the first time it was trained
FROM ledger
LEFT JOIN costs USING (run, cut_id, domain)
LEFT JOIN cuts USING (cut_id);

-- Steps trained, and the step of the plan that each was: a plan begins again at its end.
CREATE VIEW trained_steps AS
SELECT DISTINCT run, step, step % steps AS plan_step
FROM ledger
JOIN run_plan USING (run);

-- Planned against realised. One row per run and domain.
CREATE VIEW planned_realised AS
WITH due AS (
  SELECT run, domain, sum(units) AS due
  FROM trained_steps
  JOIN run_plans USING (run)
  WHERE run_plans.step = plan_step
  GROUP BY ALL
),
realised AS (
  SELECT
    run,
    domain,
    count(*) AS draws,
    count(DISTINCT cut_id) AS cuts,
    max(use) AS most_uses,
    sum(units) AS units,
    sum(seconds) / 3600 AS hours,
    sum(units) / sum(sum(units)) OVER (PARTITION BY run) AS share
  FROM trained
  GROUP BY run, domain
)
SELECT
  run,
  domain,
  unit,
  run_domains.share AS asked,            -- share of the units, of the whole plan
  realised.share AS realised,            -- the same of what was trained
  planned,                               -- units the mixture asked for in all
  due AS due_units,                      -- units that the plan holds in the steps trained
  coalesce(realised.units, CASE WHEN due = 0 OR realised.draws IS NULL THEN 0 END) AS realised_units,
  coalesce(realised.draws, 0) AS draws,  -- trained
  coalesce(cuts, 0) AS cuts,             -- different ones
  coalesce(most_uses, 0) AS most_uses,
  coalesce(hours, 0) AS hours
FROM run_domains
FULL JOIN realised USING (run, domain)
LEFT JOIN due USING (run, domain)
ORDER BY run, domain;

-- Where training and plan differ, in the steps trained. One row per run, step and cut; nothing is the good answer.
-- A run whose setting `length_window` deals the draws of so many steps anew is compared by its windows: `step` is a
-- window's first, and windows that it has not ended are left out.
CREATE VIEW off_plan AS
WITH dealt AS (
  SELECT
    run,
    trained_steps.step,
    plan_step,
    coalesce(TRY_CAST(settings ->> '$.length_window' AS INTEGER), 1) AS many,
    plan_step % many AS place,
    run_plan.steps AS plan_steps
  FROM trained_steps
  JOIN runs USING (run)
  JOIN run_plan USING (run)
),
whole AS (
  SELECT run, step, plan_step, step - place AS first_step
  FROM dealt
  QUALIFY count(*) OVER (PARTITION BY run, step - place) = least(many, plan_steps - plan_step + place)
),
planned AS (
  SELECT run, first_step AS step, cut_id, domain, count(*) AS planned
  FROM whole
  JOIN run_plans USING (run)
  WHERE run_plans.step = plan_step
  GROUP BY ALL
),
realised AS (
  SELECT run, first_step AS step, cut_id, domain, count(*) AS trained
  FROM ledger
  JOIN whole USING (run, step)
  GROUP BY ALL
)
SELECT run, step, cut_id, domain, coalesce(planned, 0) AS planned, coalesce(trained, 0) AS trained
FROM planned
FULL JOIN realised USING (run, step, cut_id, domain)
WHERE planned IS DISTINCT FROM trained AND run IN (SELECT run FROM run_plan WHERE plan IS NOT NULL)
ORDER BY ALL;

-- loss_by_domain(bins := 10): how each domain learns. One row per run, domain and stretch of steps.
CREATE MACRO loss_by_domain(bins := 10) AS TABLE
WITH spans AS (
  SELECT run, max(step) + 1 AS steps FROM ledger GROUP BY run
)
SELECT
  run,
  domain,
  step * least(bins, steps) // steps AS stretch,        -- 0 to bins - 1, of equal numbers of steps
  min(step) AS first_step,
  max(step) AS last_step,
  count(*) AS draws,
  avg(loss) AS loss,                                     -- next-token loss; NULL where a stage has none
  avg(ctc_loss) AS ctc_loss,
  sum(kept_frames) / sum(frames) AS kept_share           -- of the frames, after shrinking
FROM ledger
JOIN spans USING (run)
GROUP BY ALL
ORDER BY ALL;

-- never_learn(at_least := 3, fall := 0.1): rows trained `at_least` times whose loss stayed: it fell by less than `fall`
-- (a share) from the first use to the last, and ended above the median of its domain. One row per run and cut, worst first.
CREATE MACRO never_learn(at_least := 3, fall := 0.1) AS TABLE
WITH losses AS (
  SELECT run, domain, cut_id, use, coalesce(loss, ctc_loss) AS loss FROM trained
),
lives AS (
  SELECT
    run,
    domain,
    cut_id,
    count(*) AS uses,
    arg_min(loss, use) AS first_loss,
    arg_max(loss, use) AS last_loss,
    min(loss) AS best_loss
  FROM losses
  WHERE loss IS NOT NULL
  GROUP BY ALL
  HAVING count(*) >= at_least
),
typical AS (
  SELECT *, median(last_loss) OVER (PARTITION BY run, domain) AS domain_loss FROM lives
)
SELECT
  run,
  typical.domain,
  cut_id,
  uses,
  first_loss,
  last_loss,
  domain_loss,                       -- median of the last losses of the domain's rows that were used as often
  1 - last_loss / first_loss AS fell,  -- share of the first loss
  text
FROM typical
LEFT JOIN cuts USING (cut_id)
WHERE last_loss > domain_loss AND last_loss > (1 - fall) * first_loss AND best_loss > domain_loss
ORDER BY last_loss / domain_loss DESC, run, cut_id;

-- Each trained draw's loss beside what is usual: the median of its run and domain in the same stretch of draws, of which
-- there are 20, or fewer with at least 24 draws each. One row per draw that was measured. `beside` is the logarithm of
-- loss / usual, the mean of the next-token loss and the CTC loss where a stage has both. Losses are means over tokens, and
-- of few tokens a mean is far off by chance: `weight` is the square root of the text's length beside the domain's median (of
-- its frames where no catalog tells the text), 1 at most.
CREATE VIEW losses AS
WITH measured AS (
  SELECT
    trained.*,
    count(*) OVER whole AS draws,
    row_number() OVER (whole ORDER BY step, cut_id) - 1 AS place,
    length(coalesce(target_text, text)) / median(length(coalesce(target_text, text))) OVER whole AS length_share,
    frames / median(frames) OVER whole AS frames_share
  FROM trained
  LEFT JOIN (SELECT cut_id, text, target_text FROM cuts) USING (cut_id)
  WHERE loss IS NOT NULL OR ctc_loss IS NOT NULL
  WINDOW whole AS (PARTITION BY run, trained.domain)
),
placed AS (
  SELECT *, place * greatest(1, least(20, draws // 24)) // draws AS stretch FROM measured
),
usual AS (
  SELECT
    *,
    ln((loss + 1e-6) / (median(loss) OVER same + 1e-6)) AS beside_loss,
    ln((ctc_loss + 1e-6) / (median(ctc_loss) OVER same + 1e-6)) AS beside_ctc
  FROM placed
  WINDOW same AS (PARTITION BY run, domain, stretch)
)
SELECT
  run,
  step,
  stretch,
  domain,
  cut_id,
  use,
  coalesce(loss, ctc_loss) AS loss,
  coalesce((beside_loss + beside_ctc) / 2, beside_loss, beside_ctc) AS beside,
  sqrt(least(1, coalesce(length_share, frames_share, 1))) AS weight
FROM usual;

-- Per cut the loss over its passes. One row per run and cut; `times_usual` is how many times as high as is usual at that
-- time, over its uses (their geometric mean, in which the n-th counts n times: what has been heard often is telling), with
-- the weight of `losses` as its exponent: a letter must be further off than a sentence.
CREATE VIEW cut_losses AS
SELECT
  run,
  domain,
  cut_id,
  count(*) AS uses,
  list(loss ORDER BY use) AS losses,
  arg_min(loss, use) AS first_loss,
  arg_max(loss, use) AS last_loss,
  1 - arg_max(loss, use) / nullif(arg_min(loss, use), 0) AS fell,
  exp(avg(weight) * sum(beside * use) / sum(use)) AS times_usual
FROM losses
GROUP BY ALL;

-- suspicion(at_least := 2): labels that training did not come to believe, over all runs that used a cut `at_least` times
-- in all. One row per cut; what is highest is most suspicious.
CREATE MACRO suspicion(at_least := 2) AS TABLE
WITH found AS (
  SELECT
    cut_id,
    count(DISTINCT run) AS runs,
    sum(uses) AS uses,
    round(exp(sum(ln(times_usual) * uses) / sum(uses)), 3) AS times_usual,
    round(avg(first_loss), 4) AS first_loss,
    round(avg(last_loss), 4) AS last_loss
  FROM cut_losses
  GROUP BY cut_id
)
SELECT found.*, corpus, cuts.domain, duration, text, target_text
FROM found LEFT JOIN cuts USING (cut_id)
WHERE uses >= at_least
ORDER BY times_usual DESC, cut_id;
