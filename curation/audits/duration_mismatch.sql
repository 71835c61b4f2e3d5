-- severity: error
-- means: The manifest says another duration than the audio that the quality pass decoded: cuts point past the end, or miss audio.
-- do: Prepare the corpus again (`--decode` decodes every file); a length from a header or a list is a claim.
-- setting: most_seconds_apart = 0.05
SELECT
  cut_id,
  corpus,
  format('manifest {:.3f} s, audio {:.3f} s', duration, value) AS found,
  abs(duration - value) AS worst,
  duration AS seconds
FROM cuts
JOIN labels USING (cut_id)
WHERE pass = 'quality' AND name = 'duration' AND abs(duration - value) > getvariable('most_seconds_apart')
