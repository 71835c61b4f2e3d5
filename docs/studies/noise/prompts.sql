-- Prompts, of which a part has wrong transcripts: those cuts come from the corpus of wrong ones.
-- setting: wrong = 0.0
-- setting: wer_below = 1000
WITH heard AS (
  SELECT cut_id, max(value) AS wer FROM labels WHERE pass = 'agree' AND name = 'wer' GROUP BY cut_id
),
chosen AS (
  SELECT *, ('0x' || md5(replace(cut_id, '_wrong', ''))[:8])::BIGINT / 4294967296 AS place FROM accepted
)
SELECT cut_id, 'asr' AS domain
FROM chosen LEFT JOIN heard USING (cut_id)
WHERE split = 'train' AND task = 'asr'
  AND (corpus = 'asterisk_wrong') = (place < getvariable('wrong'))
  AND coalesce(wer < getvariable('wer_below'), true)
