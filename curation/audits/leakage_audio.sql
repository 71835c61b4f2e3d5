-- severity: error
-- means: Audio of the dev or test split is also training audio, byte for byte.
-- do: Split by audio_sha256, or refuse the copies with the reason duplicate.
WITH held_out AS (
  SELECT cut_id, corpus, split, audio_sha256, start, duration
  FROM accepted
  WHERE split <> 'train' AND audio_sha256 IS NOT NULL
),
-- The small side is looked up: millions of training cuts pass by without being kept.
seen AS (
  SELECT DISTINCT audio_sha256, start
  FROM accepted
  SEMI JOIN held_out USING (audio_sha256, start)
  WHERE split = 'train'
)
SELECT
  cut_id,
  corpus,
  format('{} cut, audio {} also trained on', split, left(audio_sha256, 12)) AS found,
  duration AS worst,
  duration AS seconds
FROM held_out
SEMI JOIN seen USING (audio_sha256, start)
