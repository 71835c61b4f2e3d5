-- severity: warning
-- means: A speaker of the dev or test split is also heard in training (or test in dev): scores say nothing about new voices.
--   Speakers of other corpora count where their ids say so, as librispeech-1089 and libritts_1089 do.
-- do: Nothing if the split is by text on purpose (one voice actor); otherwise split by speaker.
WITH keys AS (
  SELECT corpus, speaker, unnest(speaker_keys(corpus, speaker)) AS key
  FROM (SELECT DISTINCT corpus, speaker FROM sides WHERE speaker IS NOT NULL)
),
held_out AS (
  SELECT cut_id, corpus, split, speaker, duration, unnest(range(side)) AS level, key
  FROM sides
  JOIN keys USING (corpus, speaker)
  WHERE side > 0 AND split <> 'train'
),
-- The small side is looked up: millions of training cuts pass by without being kept.
shared AS (
  SELECT * FROM keys SEMI JOIN held_out USING (key)
),
seen AS (
  SELECT side AS level, key, arg_min({cut: cut_id, corpus: corpus, split: split, speaker: speaker}, cut_id) AS other
  FROM sides
  JOIN shared USING (corpus, speaker)
  WHERE side < 2
  GROUP BY ALL
)
SELECT
  cut_id,
  held_out.corpus,
  held_out.split,
  other.cut AS other_cut_id,
  other.corpus AS other_corpus,
  other.split AS other_split,
  CASE
    WHEN held_out.corpus = other.corpus AND held_out.speaker = other.speaker THEN 'the same speaker'
    ELSE 'the same speaker by their ids'
  END AS evidence,
  format(
    '{} cut of {}, {} as {} of {} ({}: {})',
    held_out.split, held_out.speaker, evidence, other.cut, other.corpus, other.split, other.speaker
  ) AS found,
  duration AS worst,
  duration AS seconds
FROM held_out
JOIN seen USING (level, key)
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY held_out.level, held_out.corpus <> other.corpus, other.cut, key) = 1
