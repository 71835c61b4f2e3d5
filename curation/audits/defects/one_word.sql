-- severity: warning
-- means: The transcript is one word: its length says little of the audio's, and a recogniser has nothing to go by.
-- do: Leave such cuts out of measures over words.
SELECT cut_id, corpus, text AS found, duration AS worst, duration AS seconds
FROM cuts
WHERE recording_id IS NOT NULL AND task IN ('asr', 'st') AND written_words(text, language) = 1
