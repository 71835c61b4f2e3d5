-- severity: warning
-- means: The same audio, byte for byte, stands in its corpus under an id before it.
-- do: Keep the first; `accepted` does.
SELECT cut_id, corpus, 'the same audio as ' || first_id AS found, copies AS worst, duration AS seconds
FROM (
  SELECT *, min(cut_id) OVER same AS first_id, count(*) OVER same AS copies
  FROM cuts
  WHERE audio_sha256 IS NOT NULL
  WINDOW same AS (PARTITION BY corpus, audio_sha256, start, duration)
)
WHERE cut_id <> first_id
