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
    regexp_matches(text, '\p{N}') AS numbered,
    CASE WHEN numbered AND NOT held THEN sure_head(text) END AS head
  FROM compared
  WHERE task IN ('asr', 'st', 'qa') AND regexp_matches(text, '[\p{L}\p{N}]')
),
held_keys AS (
  SELECT *, unnest(CASE WHEN numbered THEN text_keys(text, coalesce(tag, '')) ELSE [plain_words(text)] END) AS key
  FROM texts
  WHERE held
),
held_out AS (
  SELECT * FROM held_keys WHERE key <> ''
),
-- Reading numbers out takes long. Of texts to train on it is done where the words before the first number, which stay as
-- they are (`sure_head`), begin a held-out text; and where there are no such words.
heads AS (
  SELECT DISTINCT array_to_string(words[:count], ' ') AS head
  FROM (SELECT string_split(key, ' ') AS words FROM held_out) CROSS JOIN range(2, 6) counts(count)
  WHERE len(words) > count
),
numbered_texts AS (
  SELECT * FROM texts SEMI JOIN heads USING (head)
  UNION ALL
  SELECT * FROM texts WHERE NOT held AND numbered AND head IS NULL
),
-- The small side is looked up: millions of training texts pass by without being kept.
others AS (
  SELECT *, plain_words(text) AS key FROM texts WHERE NOT held AND NOT numbered
  UNION ALL
  SELECT *, unnest(text_keys(text, coalesce(tag, ''))) AS key FROM numbered_texts
),
seen AS (
  SELECT level, task, tag, key, arg_min({cut: cut_id, corpus: corpus, split: split, text: text}, cut_id) AS other
  FROM others
  SEMI JOIN held_out USING (level, task, key)
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
