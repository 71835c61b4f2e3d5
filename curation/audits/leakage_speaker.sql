-- severity: warning
-- means: A speaker of the dev or test split is also heard in training: scores on that split say nothing about new voices.
-- do: Nothing if the split is by text on purpose (one voice actor); otherwise split by speaker.
WITH trained AS (
  SELECT DISTINCT corpus, speaker
  FROM accepted
  WHERE split = 'train' AND speaker IS NOT NULL
)
SELECT
  cut_id,
  corpus,
  format('{} cut of speaker {}', split, speaker) AS found,
  duration AS worst,
  duration AS seconds
FROM accepted
SEMI JOIN trained USING (corpus, speaker)
WHERE split <> 'train'
