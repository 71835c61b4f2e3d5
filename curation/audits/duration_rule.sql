-- severity: warning
-- means: A cut of speech is shorter or longer than the paper's rule of 3 to 30 seconds. Encoders cut or pad beyond 30 s, and
--   very short clips teach little for their step.
-- do: Split long recordings by their word alignments, or leave the cuts out with WHERE duration BETWEEN 3 AND 30.
-- setting: min_seconds = 3
-- setting: max_seconds = 30
SELECT
  cut_id,
  corpus,
  format('{:.2f} s', duration) AS found,
  greatest(getvariable('min_seconds') / duration, duration / getvariable('max_seconds')) AS worst,
  duration AS seconds
FROM accepted
WHERE recording_id IS NOT NULL AND task <> 'sound'
  AND duration NOT BETWEEN getvariable('min_seconds') AND getvariable('max_seconds')
