-- severity: warning
-- means: More than 100 encoder frames for each character (the paper's rule): long silence, or a transcript with parts missing.
-- do: Trim the silence, or refuse the cut.
-- setting: max_frames_per_character = 100
-- setting: frames_per_second = 50
SELECT
  cut_id,
  corpus,
  format('{:.0f} frames for {} characters', duration * getvariable('frames_per_second'), length(text)) AS found,
  duration * getvariable('frames_per_second') / length(text) AS worst,
  duration AS seconds
FROM accepted
WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND length(text) > 0
  AND duration * getvariable('frames_per_second') > getvariable('max_frames_per_character') * length(text)
