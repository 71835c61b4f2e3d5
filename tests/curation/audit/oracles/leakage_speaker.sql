-- severity: warning
-- means: A speaker of the dev or test split is also heard in training (or test in dev): scores say nothing about new voices.
--   Speakers of other corpora count where their ids say so, as librispeech-1089 and libritts_1089 do.
-- do: Nothing if the split is by text on purpose (one voice actor); otherwise split by speaker.
WITH speakers AS (
  SELECT DISTINCT corpus, speaker FROM compared WHERE speaker IS NOT NULL
),
keys AS (
  SELECT corpus, speaker, unnest(speaker_keys(corpus, speaker)) AS key FROM speakers
),
seen AS (
  SELECT level, key, arg_min({cut: cut_id, corpus: corpus, split: split, speaker: speaker}, cut_id) AS other
  FROM compared
  JOIN keys USING (corpus, speaker)
  WHERE NOT held
  GROUP BY ALL
)
SELECT
  cut_id,
  compared.corpus,
  compared.split,
  other.cut AS other_cut_id,
  other.corpus AS other_corpus,
  other.split AS other_split,
  CASE
    WHEN compared.corpus = other.corpus AND compared.speaker = other.speaker THEN 'the same speaker'
    ELSE 'the same speaker by their ids'
  END AS evidence,
  format(
    '{} cut of {}, {} as {} of {} ({}: {})',
    compared.split, compared.speaker, evidence, other.cut, other.corpus, other.split, other.speaker
  ) AS found,
  duration AS worst,
  duration AS seconds
FROM compared
JOIN keys USING (corpus, speaker)
JOIN seen USING (level, key)
WHERE held
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY compared.level, compared.corpus <> other.corpus, other.cut, key) = 1
