-- severity: warning
-- means: The transcript has too few or too many characters for the length of the audio: text and audio may not belong together.
-- do: Listen to the worst ones. Fix the transcript or refuse the cut; a low score of the `align` pass tells the same story.
-- setting: min_characters_per_second = 2
-- setting: max_characters_per_second = 28
SELECT
  cut_id,
  corpus,
  format('{:.1f} characters/s: {}', text_rate(text, duration), left(text, 60)) AS found,
  greatest(
    text_rate(text, duration) / getvariable('max_characters_per_second'),
    getvariable('min_characters_per_second') / text_rate(text, duration)
  ) AS worst,
  duration AS seconds
FROM accepted
WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND length(text) > 0
  AND text_rate(text, duration)
    NOT BETWEEN getvariable('min_characters_per_second') AND getvariable('max_characters_per_second')
