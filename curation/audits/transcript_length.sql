-- severity: warning
-- means: A transcript is longer than the paper's limit of 200 (read here as words): long targets dominate a step's loss.
-- do: Split the cut by its word alignments, or leave it out of the mixture's query.
-- setting: max_words = 200
SELECT
  cut_id,
  corpus,
  format('{} words', length(text) - length(replace(text, ' ', '')) + 1) AS found,
  length(text) - length(replace(text, ' ', '')) + 1 AS worst,
  duration AS seconds
FROM accepted
WHERE length(text) > getvariable('max_words')
  AND length(text) - length(replace(text, ' ', '')) + 1 > getvariable('max_words')
