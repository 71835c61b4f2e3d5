-- severity: warning
-- means: The same audio, byte for byte, stands in the catalog more than once, and the quality pass did not refuse it.
-- do: Run `soundwave label quality`, or keep one cut of each audio_sha256 in the mixture's query.
WITH alike AS (  -- hashes take a fraction of the memory of what they stand for; collisions are sorted out below
  SELECT hash(audio_sha256, start, duration) AS mark
  FROM accepted
  WHERE audio_sha256 IS NOT NULL
  GROUP BY mark
  HAVING count(*) > 1
),
repeated AS (
  SELECT *, count(*) OVER (PARTITION BY audio_sha256, start, duration) AS copies
  FROM accepted
  SEMI JOIN alike ON hash(audio_sha256, start, duration) = mark
  WHERE audio_sha256 IS NOT NULL
)
SELECT
  cut_id,
  corpus,
  format('{} copies of audio {}', copies, left(audio_sha256, 12)) AS found,
  copies AS worst,
  duration AS seconds
FROM repeated
WHERE copies > 1
