-- severity: warning
-- means: A transcript is longer than the paper's limit of 200 (read here as words, or characters where a language has no spaces): long targets dominate a step's loss.
-- do: Split the cut by its word alignments, or leave it out of the mixture's query.
-- setting: max_words = 200
SELECT
  cut_id,
  corpus,
  format('{} {}', written_words(text, language), if(unspaced(language), 'characters', 'words')) AS found,
  written_words(text, language) AS worst,
  duration AS seconds
FROM accepted
WHERE length(text) > getvariable('max_words')
  AND written_words(text, language) > getvariable('max_words')
