-- severity: error
-- means: Audio of the dev or test split is also training audio, byte for byte.
-- do: Split by audio_sha256, or refuse the copies with the reason duplicate.
WITH trained AS (
  SELECT DISTINCT audio_sha256, start
  FROM accepted
  WHERE split = 'train' AND audio_sha256 IS NOT NULL
)
SELECT
  cut_id,
  corpus,
  format('{} cut, audio {} also trained on', split, left(audio_sha256, 12)) AS found,
  duration AS worst,
  duration AS seconds
FROM accepted
SEMI JOIN trained USING (audio_sha256, start)
WHERE split <> 'train'
