-- severity: error
-- means: A text of the dev or test split is also a training text of the same task: what is measured was seen in training.
-- do: Split by text (`stable_split` of the plain text) and prepare the corpus again, or leave the training copies out.
-- setting: min_words = 1
WITH plain AS (
  SELECT cut_id, corpus, split, task, language, duration, plain_text(text) AS words
  FROM accepted
  WHERE task IN ('asr', 'st', 'qa') AND text IS NOT NULL
),
trained AS (
  SELECT DISTINCT task, language, words
  FROM plain
  WHERE split = 'train' AND words <> '' AND length(words) - length(replace(words, ' ', '')) + 1 >= getvariable('min_words')
)
SELECT
  cut_id,
  corpus,
  format('{} cut, text also trained on: {}', split, left(words, 60)) AS found,
  length(words) AS worst,
  duration AS seconds
FROM plain
SEMI JOIN trained ON plain.words = trained.words AND plain.task = trained.task
  AND plain.language IS NOT DISTINCT FROM trained.language
WHERE split <> 'train'
