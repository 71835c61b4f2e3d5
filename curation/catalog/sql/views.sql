-- Views that most queries start from.

-- Cuts that no quality rule refused (silent, clipped, too short or long, a byte-identical duplicate).
CREATE VIEW accepted AS
SELECT * FROM cuts ANTI JOIN (SELECT cut_id FROM rejects WHERE pass = 'quality') USING (cut_id);

-- Cuts with something said and something written.
CREATE VIEW speech AS
SELECT * FROM cuts WHERE recording_id IS NOT NULL AND text IS NOT NULL;

-- Text-only rows.
CREATE VIEW texts AS
SELECT * FROM cuts WHERE recording_id IS NULL;

-- One row per corpus, split and task: rows, audio hours, and what is missing of each.
CREATE VIEW overview AS
SELECT
  corpus,
  split,
  task,
  count(*) AS cuts,
  sum(duration) / 3600 AS hours,
  avg(duration) AS mean_seconds,
  count(DISTINCT speaker) AS speakers,
  any_value(license) AS license
FROM cuts
GROUP BY ALL
ORDER BY ALL;
