-- means: What a model learns from says nothing that it is measured by: no row of the train split whose text is that of a
--   dev or test row of any corpus.
-- Case, punctuation, width and composition do not count, digits against words do: the audit leakage_text finds those, too.
-- For corpora whose texts are taken from anywhere (synthetic speech, web text) beside others that have held-out texts.
WITH said AS (
  SELECT
    cut_id,
    split,
    lower(regexp_extract(language, '^[A-Za-z]+')) AS tag,  -- en-US and en are one language
    nullif(plain_words(text), '') AS words
  FROM cuts
  WHERE text IS NOT NULL
),
held_out AS (
  SELECT words, tag, min(cut_id) AS held FROM said WHERE split <> 'train' AND words IS NOT NULL GROUP BY ALL
),
met AS (
  SELECT said.cut_id, min(held) AS held
  FROM said JOIN held_out
    ON said.words = held_out.words AND (said.tag = held_out.tag OR said.tag IS NULL OR held_out.tag IS NULL)
  WHERE split = 'train'
  GROUP BY said.cut_id
)
SELECT cut_id, {'value': held, 'kept': held IS NULL} AS not_held_out FROM cuts LEFT JOIN met USING (cut_id)
