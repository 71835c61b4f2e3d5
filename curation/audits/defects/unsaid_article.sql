-- severity: warning
-- means: The text begins with an article that a recogniser does not hear, though it hears the words after it: the voice says
--   "Frog." where "A frog." is written.
-- do: Take the article out of the text, or leave such cuts out where word errors are counted.
-- Needs the labels `heard` of the pass `agree`.
WITH heard AS (
  SELECT cut_id, string_split(plain_words(text), ' ') AS heard FROM labels WHERE pass = 'agree' AND name = 'heard'
),
written AS (
  SELECT cut_id, corpus, duration, text, string_split(plain_words(text), ' ') AS written, heard FROM cuts JOIN heard USING (cut_id)
)
SELECT cut_id, corpus, format('{} is heard as: {}', text, array_to_string(heard, ' ')) AS found, len(written) AS worst, duration AS seconds
FROM written
WHERE written[1] IN ('a', 'an', 'the')
  AND heard[1] NOT IN ('a', 'an', 'the', 'uh', 'ah')
  AND jaro_winkler_similarity(array_to_string(written[2:], ' '), array_to_string(heard, ' ')) >= 0.6
