-- severity: error
-- means: A text of the dev or test split is also a training text of the same task: what is measured was seen in training.
--   Case and punctuation do not count.
-- do: Split by text (`stable_split` of the plain text) and prepare the corpus again, or leave the training copies out.
WITH held_out AS (
  SELECT cut_id, corpus, split, task, language, duration, text, plain_text(text) AS words
  FROM accepted
  WHERE split <> 'train' AND task IN ('asr', 'st', 'qa') AND regexp_matches(text, '[\p{L}\p{N}]')
),
-- The small side is looked up: millions of training texts pass by without being kept.
seen AS (
  SELECT DISTINCT train.task, train.language, plain_words(train.text) AS words
  FROM accepted AS train
  SEMI JOIN held_out ON plain_text(train.text) = held_out.words AND train.task = held_out.task
    AND train.language IS NOT DISTINCT FROM held_out.language
  WHERE split = 'train'
)
SELECT
  cut_id,
  corpus,
  format('{} cut, text also trained on: {}', split, left(text, 60)) AS found,
  length(words) AS worst,
  duration AS seconds
FROM held_out
SEMI JOIN seen ON plain_words(held_out.text) = seen.words AND held_out.task = seen.task
  AND held_out.language IS NOT DISTINCT FROM seen.language
