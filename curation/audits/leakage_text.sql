-- severity: error
-- means: A text of the dev or test split is also a text of training (or of dev) in the same task: what is measured was seen.
--   Case, punctuation, width, composition (NFC, NFD) and digits against words do not count.
-- do: Split by text (import with --split hash) and prepare the corpus again, or leave the training copies out.
WITH texts AS (
  SELECT
    cut_id,
    corpus,
    split,
    task,
    base_language(language) AS tag,
    text,
    duration,
    level,
    held,
    unnest(CASE
      WHEN regexp_matches(text, '\p{N}') THEN text_keys(text, coalesce(base_language(language), ''))
      ELSE [plain_words(text)]
    END) AS key
  FROM compared
  WHERE task IN ('asr', 'st', 'qa') AND regexp_matches(text, '[\p{L}\p{N}]')
),
held_out AS (
  SELECT * FROM texts WHERE held AND key <> ''
),
-- The small side is looked up: millions of training texts pass by without being kept.
seen AS (
  SELECT level, task, tag, key, arg_min({cut: cut_id, corpus: corpus, split: split, text: text}, cut_id) AS other
  FROM texts
  SEMI JOIN held_out USING (level, task, key)
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
  CASE
    WHEN held_out.text = other.text THEN 'the same text'
    WHEN plain_words(held_out.text) = plain_words(other.text) THEN 'the same words'
    ELSE 'the same words when numbers are read out'
  END AS evidence,
  format(
    '{} cut, {} as {} of {} ({}): {}', held_out.split, evidence, other.cut, other.corpus, other.split, left(other.text, 60)
  ) AS found,
  length(held_out.key) AS worst,
  duration AS seconds
FROM held_out
JOIN seen ON held_out.level = seen.level AND held_out.task = seen.task AND held_out.key = seen.key
  AND (held_out.tag = seen.tag OR held_out.tag IS NULL OR seen.tag IS NULL)
QUALIFY row_number() OVER (PARTITION BY cut_id ORDER BY held_out.level, other.cut, held_out.key) = 1
