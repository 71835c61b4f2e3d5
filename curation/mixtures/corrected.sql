-- means: Candidates of stage I as in alignment.sql, wrong transcripts corrected: by listeners (`soundwave explore`), or by what
--   a recogniser hears instead (`soundwave label agree`) where it says that the text is not what is said.
-- setting: by_listeners = 1
-- setting: heard_wer_from = 99
-- setting: heard_score_below = 0
-- by_listeners: 0 leaves their texts out. A text that was heard is taken where the word error rate is heard_wer_from or more
-- (99: nowhere) and the score of the written text is under heard_score_below; not where a listener marked the cut. Each is an
-- axis: `rule.heard_wer_from: [0.3, 0.6, 99]`.
WITH heard AS (
  SELECT
    cut_id,
    max(value) FILTER (name = 'wer') AS wer,
    max(value) FILTER (name = 'score') AS score,
    max(text) FILTER (name = 'heard') AS heard
  FROM labels
  WHERE pass = 'agree'
  GROUP BY cut_id
)
SELECT
  cut_id,          -- what to draw
  task AS domain,  -- what shares are given over
  CASE
    WHEN mark = 'wrong_text' AND getvariable('by_listeners') > 0 THEN right_text
    WHEN mark IS NULL AND task = 'asr' AND wer >= getvariable('heard_wer_from')
      AND coalesce(score < getvariable('heard_score_below'), true) THEN nullif(trim(heard), '')
  END AS text      -- what is trained; NULL: the cut's own text
FROM accepted
LEFT JOIN (SELECT cut_id, mark, right_text FROM reviews) USING (cut_id)
LEFT JOIN heard USING (cut_id)
WHERE split = 'train' AND duration <= 30 AND task IN ('asr', 'sound')
