-- severity: warning
-- means: Two cuts of one split are the same recording, encoded, cut or made louder anew: what they teach counts twice. The
--   first by id is kept, the others are told. Only says something after the pass `fingerprint`.
-- do: Leave the copies out (ANTI JOIN in the mixture's query), or count them as repeats when choosing max_repeats.
-- setting: least_rarity = 1
WITH keyed AS (
  SELECT split, cut_id, unnest(string_split(labels.text, ' ')) AS key
  FROM accepted
  JOIN labels USING (cut_id)
  WHERE pass = 'fingerprint' AND name = 'landmark_keys' AND labels.text <> ''
),
-- A key that many cuts have is followed to the first few, and says little: pairs that share two or three of those by chance
-- grow with the square of the corpus. A key that two cuts alone have counts 1, of three cuts 1/2, and so on.
first_holders AS (
  SELECT split, key, min(cut_id, 8) AS holders, count(*) AS held_by
  FROM keyed
  GROUP BY ALL
  HAVING count(*) > 1
),
candidates AS (
  SELECT cut_id, other
  FROM (SELECT cut_id, held_by, unnest(holders) AS other FROM keyed JOIN first_holders USING (split, key))
  WHERE other < cut_id
  GROUP BY ALL
  HAVING count(*) >= 4 OR (count(*) >= 2 AND sum(1 / (held_by - 1)) >= getvariable('least_rarity'))
),
marks AS (
  SELECT cut_id, labels.text AS marks FROM labels WHERE pass = 'fingerprint' AND name = 'landmarks'
),
alike AS (
  SELECT cut_id, other, alike_sounds(one.marks, two.marks) AS share
  FROM candidates
  JOIN marks AS one USING (cut_id)
  JOIN marks AS two ON two.cut_id = other
)
SELECT
  cut_id,
  corpus,
  other AS other_cut_id,
  format('sounds as {}: {:.0f} % of the spectrum''s marks in the same order', other, 100 * share) AS found,
  share AS worst,
  duration AS seconds
FROM alike
JOIN accepted USING (cut_id)
WHERE share > 0
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY share DESC, other) = 1
