-- severity: warning
-- means: A dataset's mean clip is shorter than the paper's own floor of 3 seconds: the rule cannot have been applied to it.
-- do: Take the rule as a choice, not as a fact, when a mixture is modelled on the paper.
-- setting: min_seconds = 3
WITH listed AS (
  SELECT 'I' AS stage, * FROM paper.stage_1
  UNION ALL SELECT 'II', * FROM paper.stage_2
  UNION ALL SELECT 'III', * FROM paper.stage_3
)
SELECT
  format('{} ({}, stage {})', dataset, task, stage) AS subject,
  format('{:.2f} s a clip: {} h over {} samples', hours * 3600 / samples, hours, samples) AS found,
  -hours * 3600 / samples AS worst
FROM listed
WHERE hours * 3600 / samples < getvariable('min_seconds')
