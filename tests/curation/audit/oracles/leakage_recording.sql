-- severity: error
-- means: A cut of the dev or test split is from a recording that is also trained on (or test from one of dev): the same voice
--   in the same room, and often the sentence before or after.
-- do: Split by recording (import with --split hash) and prepare the corpus again, or leave the training cuts out.
WITH held_out AS (
  SELECT * FROM recording_pieces WHERE held
),
-- The small side is looked up: millions of training cuts pass by without being kept.
seen AS (
  SELECT
    level,
    key,
    count(*) AS pieces,
    arg_min({cut: cut_id, corpus: corpus, split: split, start: start, stop: stop}, cut_id) AS other
  FROM recording_pieces
  SEMI JOIN held_out USING (level, key)
  WHERE NOT held
  GROUP BY ALL
)
SELECT
  cut_id,
  held_out.corpus,
  held_out.split,
  other.cut AS other_cut_id,
  other.corpus AS other_corpus,
  other.split AS other_split,
  'the same ' || left(key, 80) AS evidence,
  format(
    '{} cut of {:.2f} to {:.2f} s, {} as {} of {} ({}, {:.2f} to {:.2f} s) and {} more',
    held_out.split, held_out.start, held_out.stop, evidence, other.cut, other.corpus, other.split, other.start, other.stop, seen.pieces - 1
  ) AS found,
  duration AS worst,
  duration AS seconds
FROM held_out
JOIN seen USING (level, key)
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY level, key DESC, other.cut) = 1
