-- severity: error
-- means: Audio of the dev or test split is heard in training too (or test audio in dev), in another encoding, file or corpus:
--   other formats, bit rates, sampling rates, levels, and pieces of it. Only says something after the pass `fingerprint`.
-- do: Run `soundwave label fingerprint`; leave the training copies out, or split by audio (import with --split hash).
WITH keyed AS (
  SELECT cut_id, level, held, unnest(string_split(labels.text, ' ')) AS key
  FROM compared
  JOIN labels USING (cut_id)
  WHERE pass = 'fingerprint' AND name = 'landmark_keys' AND labels.text <> ''
),
held_out AS (
  SELECT level, key, cut_id FROM keyed WHERE held
),
-- The small side is looked up; a key that many cuts have is followed to the first few.
seen AS (
  SELECT level, key, min(cut_id, 8) AS others
  FROM keyed
  SEMI JOIN held_out USING (level, key)
  WHERE NOT held
  GROUP BY ALL
),
candidates AS (
  SELECT level, cut_id, other
  FROM (SELECT level, cut_id, unnest(others) AS other FROM held_out JOIN seen USING (level, key))
  GROUP BY ALL
  HAVING count(*) >= 2
),
marks AS (
  SELECT cut_id, labels.text AS marks FROM labels WHERE pass = 'fingerprint' AND name = 'landmarks'
),
alike AS (
  SELECT level, cut_id, other, alike_sounds(one.marks, two.marks) AS share
  FROM candidates
  JOIN marks AS one USING (cut_id)
  JOIN marks AS two ON two.cut_id = other
)
SELECT
  cut_id,
  cuts.corpus,
  cuts.split,
  other AS other_cut_id,
  others.corpus AS other_corpus,
  others.split AS other_split,
  format('{:.0f} % of the spectrum''s marks in the same order', 100 * share) AS evidence,
  format('{} cut sounds as {} of {} ({}): {}', cuts.split, other, others.corpus, others.split, evidence) AS found,
  share AS worst,
  cuts.duration AS seconds
FROM alike
JOIN cuts USING (cut_id)
JOIN cuts AS others ON others.cut_id = other
WHERE share > 0
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY level, share DESC, other) = 1
