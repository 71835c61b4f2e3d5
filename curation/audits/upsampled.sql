-- severity: warning
-- means: Audio has nothing in the upper half of its band: it was made of a slower rate, or comes out of a telephone or a strong
--   codec. Only says something after the pass `speech`.
-- do: Nothing if the corpus is what you want to be robust to; else leave the cuts out (rules: scores.sql).
-- setting: most_of_band = 0.55
SELECT
  cut_id,
  corpus,
  format('nothing above {:.0f} Hz, at {} Hz', value, sampling_rate) AS found,
  1 - 2 * value / sampling_rate AS worst,
  duration AS seconds
FROM accepted
JOIN labels USING (cut_id)
WHERE pass = 'speech' AND labels.name = 'bandwidth' AND value > 0 AND 2 * value / sampling_rate <= getvariable('most_of_band')
