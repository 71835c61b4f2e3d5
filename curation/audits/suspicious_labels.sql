-- severity: warning
-- means: Training did not come to believe a label: over its uses the loss stayed far above what is usual for its domain at
--   that time. The text may not be what is said, or what is heard not what it is called. Only says something with runs
--   (--workspace, --runs) whose ledgers are there, and of cuts that were used several times.
-- do: Listen to the worst ones. Leave them out (`soundwave label suspicion`, then rules: suspicious.sql), or transcribe again.
-- setting: least_times = 2.5
-- setting: least_uses = 3
SELECT
  cut_id,
  corpus,
  format('loss {:.1f} times as high as is usual, {} uses: {}', times_usual, uses, left(coalesce(target_text, text, ''), 60)) AS found,
  times_usual AS worst,
  duration AS seconds
FROM suspicion(at_least := getvariable('least_uses'))
WHERE times_usual >= getvariable('least_times') AND cut_id IN (SELECT cut_id FROM accepted)
