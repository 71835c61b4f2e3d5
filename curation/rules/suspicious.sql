-- means: Leaves out cuts whose labels training did not come to believe, as the label pass `suspicion` found in the ledgers of
--   runs. What a recogniser hears too may stay.
-- setting: times_below = 2.5
-- setting: least_uses = 3
-- setting: wer_keeps = 0
-- times_below: a loss so many times as high as is usual for the cut's domain is too much. Cuts that were used less often than
-- least_uses stay, as do those whose word error rate against a recogniser (`soundwave label agree`) is wer_keeps or less (0:
-- heard to the letter; -1: nothing stays for that). So it prunes, and each number is an axis: `rule.times_below: [1.5, 2, 4]`.
WITH told AS (
  SELECT
    cut_id,
    max(value) FILTER (pass = 'suspicion' AND name = 'times_usual') AS times,
    max(value) FILTER (pass = 'suspicion' AND name = 'uses') AS uses,
    max(value) FILTER (pass = 'agree' AND name = 'wer') AS wer
  FROM labels
  WHERE pass IN ('suspicion', 'agree')
  GROUP BY cut_id
)
SELECT
  cut_id,
  {
    'value': times,
    'kept': times IS NULL
      OR uses < getvariable('least_uses')
      OR times < getvariable('times_below')
      OR coalesce(wer <= getvariable('wer_keeps'), false)
  } AS times_below
FROM cuts LEFT JOIN told USING (cut_id)
