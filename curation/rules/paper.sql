-- means: The paper's rules of cleaning: a transcript that a recogniser hears too, 3 to 30 seconds, not too long a text for
--   its audio, nor too little.
-- setting: wer_below = 0.1
-- setting: without_wer = 'keep'
-- setting: min_seconds = 3
-- setting: max_seconds = 30
-- setting: max_words = 200
-- setting: frames_per_character = 100
-- setting: frame_rate = 50
-- The paper says WER < 10 % against a recogniser (here: what `soundwave label agree` measured; `without_wer` says what
-- becomes of cuts that it has not seen: 'keep' or 'drop'), 3 to 30 s, transcripts <= 200 (read as words, or characters
-- where a language has no spaces), encoder frames <= 100 x text length. Sounds and text-only rows keep what is about speech.
WITH heard AS (
  SELECT cut_id, max(value) AS wer FROM labels WHERE pass = 'agree' AND name = 'wer' GROUP BY cut_id
),
judged AS (
  SELECT
    cut_id,
    duration,
    wer,
    recording_id IS NOT NULL AND text IS NOT NULL AS spoken,
    written_words(text, language) AS words,
    duration * getvariable('frame_rate') / nullif(length(text), 0) AS frames_per_character
  FROM cuts LEFT JOIN heard USING (cut_id)
)
SELECT
  cut_id,
  {
    'value': wer,
    'kept': NOT spoken OR coalesce(wer < getvariable('wer_below'), getvariable('without_wer') = 'keep')
  } AS wer_below,
  {'value': duration, 'kept': NOT spoken OR duration >= getvariable('min_seconds')} AS min_seconds,
  {'value': duration, 'kept': duration <= getvariable('max_seconds')} AS max_seconds,
  {'value': words, 'kept': NOT spoken OR words <= getvariable('max_words')} AS max_words,
  {
    'value': frames_per_character,
    'kept': NOT spoken OR coalesce(frames_per_character <= getvariable('frames_per_character'), false)
  } AS frames_per_character
FROM judged
