-- severity: warning
-- means: The same audio, byte for byte, stands in the catalog more than once, and the quality pass did not refuse it.
-- do: Run `soundwave label quality`, or keep one cut of each audio_sha256 in the mixture's query.
WITH repeated AS (
  SELECT audio_sha256, start, duration, count(*) AS copies
  FROM accepted
  WHERE audio_sha256 IS NOT NULL
  GROUP BY ALL
  HAVING count(*) > 1
)
SELECT
  cut_id,
  corpus,
  format('{} copies of audio {}', copies, left(audio_sha256, 12)) AS found,
  copies AS worst,
  duration AS seconds
FROM accepted
JOIN repeated USING (audio_sha256, start, duration)
