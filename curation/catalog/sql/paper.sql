-- The catalog beside the paper's tables, as a macro.

-- ratio_to_paper(): hours and shares by task of the training cuts at hand, beside the paper's shares in each stage.
CREATE MACRO ratio_to_paper() AS TABLE
  WITH ours AS (
    SELECT task, sum(duration) / 3600 AS hours FROM accepted WHERE split = 'train' GROUP BY task
  ),
  theirs AS (
    SELECT 'I' AS stage, task, hours FROM paper.stage_1
    UNION ALL SELECT 'II', task, hours FROM paper.stage_2
    UNION ALL SELECT 'III', task, hours FROM paper.stage_3
  ),
  shares AS (
    SELECT stage, task, sum(hours) / sum(sum(hours)) OVER (PARTITION BY stage) AS share FROM theirs GROUP BY stage, task
  )
  SELECT
    coalesce(ours.task, paper.task) AS task,
    any_value(ours.hours) AS hours,
    any_value(ours.hours / total) AS share,
    max(paper.share) FILTER (WHERE stage = 'I') AS paper_stage_1,
    max(paper.share) FILTER (WHERE stage = 'II') AS paper_stage_2,
    max(paper.share) FILTER (WHERE stage = 'III') AS paper_stage_3
  FROM (SELECT *, sum(hours) OVER () AS total FROM ours) AS ours
  FULL JOIN shares AS paper ON ours.task = paper.task
  GROUP BY ALL
  ORDER BY hours DESC NULLS LAST, task;
