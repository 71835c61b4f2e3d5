-- severity: warning
-- means: Audio without a transcript, or a transcript without audio.
-- do: Nothing: such items are no cuts. Many of them mean half a download or another version of the corpus.
SELECT cut_id, corpus, format('{}: {}', reason, coalesce(detail, '')) AS found, 1 AS worst, NULL::DOUBLE AS seconds
FROM rejects
WHERE pass = 'prepare' AND reason IN ('audio_missing', 'text_missing', 'empty_text')
