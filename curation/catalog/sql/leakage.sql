-- What leakage compares: each cut of a later split with those of an earlier one, in the order train, dev, test.

-- Accepted cuts and those that a plan draws, with `side`: 0 trained on (split train, or drawn), 1 dev, 2 test.
CREATE VIEW sides AS
WITH drawn AS (  -- the few that are drawn although they are held out or refused
  SELECT DISTINCT cut_id
  FROM plans
  SEMI JOIN (SELECT cut_id FROM cuts WHERE split <> 'train' UNION SELECT cut_id FROM rejects) USING (cut_id)
)
SELECT accepted.*, CASE WHEN split = 'train' OR drawn.cut_id IS NOT NULL THEN 0 WHEN split = 'dev' THEN 1 ELSE 2 END AS side
FROM accepted
LEFT JOIN drawn USING (cut_id)
UNION ALL
SELECT cuts.*, 0 AS side
FROM cuts
SEMI JOIN drawn USING (cut_id)
SEMI JOIN refused USING (cut_id);

-- The same, once for each comparison (`level`): with what is trained on (0), and of test with dev (1). `held`: the cut is
-- of the side that must be new.
CREATE VIEW compared AS
SELECT *, 0 AS level, side > 0 AS held FROM sides
UNION ALL
SELECT *, 1 AS level, side = 2 AS held FROM sides WHERE side > 0;

-- Languages are told apart by their tag's first part: en, en-GB and EN_us are one.
CREATE MACRO base_language(tag) AS nullif(lower(split_part(replace(tag, '_', '-'), '-', 1)), '');

-- A path as the one name of a file: relative ones are the corpus's own.
CREATE MACRO placed(corpus, path) AS CASE
  WHEN starts_with(path, '/') OR contains(path, '://') THEN path ELSE corpus || '/' || path
END;

-- What cuts of one recording share at least one of: its id in the corpus, its file, the file's bytes.
CREATE MACRO recording_keys(corpus, recording_id, path, sha256) AS list_filter(
  ['recording ' || corpus || '/' || recording_id, 'file ' || placed(corpus, path), 'bytes ' || sha256],
  lambda key: key IS NOT NULL
);

-- Cuts of recordings, a row for each thing that cuts of one recording share.
CREATE VIEW recording_pieces AS
SELECT
  cut_id,
  corpus,
  split,
  start,
  start + duration AS stop,
  duration,
  level,
  held,
  unnest(recording_keys(corpus, recording_id, source_path, audio_sha256)) AS key
FROM compared
WHERE recording_id IS NOT NULL;

-- The same of held-out cuts and of those that share a thing with one: millions of training cuts pass by as hashes, which
-- take a fraction of the time and memory of the keys. One more by chance does no harm, for the keys are compared.
CREATE VIEW shared_pieces AS
WITH held AS (
  SELECT
    hash(corpus, recording_id) AS recording,
    CASE WHEN source_path IS NOT NULL THEN hash(placed(corpus, source_path)) END AS file,
    CASE WHEN audio_sha256 IS NOT NULL THEN hash(audio_sha256) END AS bytes
  FROM sides
  WHERE side > 0 AND split <> 'train' AND recording_id IS NOT NULL
),
near AS (
  SELECT cut_id, corpus, split, start, duration, recording_id, source_path, audio_sha256, side
  FROM sides
  WHERE recording_id IS NOT NULL AND (
    side > 0
    OR hash(corpus, recording_id) IN (SELECT recording FROM held)
    OR hash(placed(corpus, source_path)) IN (SELECT file FROM held WHERE file IS NOT NULL)
    OR hash(audio_sha256) IN (SELECT bytes FROM held WHERE bytes IS NOT NULL)
  )
)
SELECT
  cut_id,
  corpus,
  split,
  start,
  start + duration AS stop,
  duration,
  level,
  side > level AS held,
  unnest(recording_keys(corpus, recording_id, source_path, audio_sha256)) AS key
FROM (SELECT *, unnest(CASE WHEN side = 0 THEN [0] ELSE [0, 1] END) AS level FROM near);
