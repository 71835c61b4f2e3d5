-- Views that most queries start from.

-- The verdicts of labelling passes. One row per cut and pass that refused it. Not in here are
--   rejects of the steps that make rows: what they refused is no row of `cuts`, though a row that was kept may have its id;
--   rejects that are no verdict: a pass met a row that is not for it (a sound, no transcript, a language it has no model of),
--   or a second row of an id (the first was kept, and the reject has its id).
CREATE VIEW refused AS
SELECT * FROM rejects
WHERE pass NOT IN ('prepare', 'segment', 'catalog')
  AND reason NOT IN ('not_speech', 'text_missing', 'unsupported_language', 'duplicate_id');

-- Cuts that no labelling pass refused. A pass that has not run on a cut has not refused it.
CREATE VIEW accepted AS
SELECT * FROM cuts ANTI JOIN refused USING (cut_id);

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
