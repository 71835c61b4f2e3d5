-- A plan: one row per draw, in training order. Deterministic: whole-number sums, and no tie is left to chance.
-- Tables:    pool (cut_id, domain, microseconds, ticks), one row per candidate;
--            schedule (domain, passes, ticks_from, ticks_to, time_from, pace), one row per domain and epoch.
-- Variables: seed, batch (microseconds a step), span (microseconds a window, a multiple of batch), ticks_per_unit,
--            shortest (microseconds a row counts at least, so that rows per step are capped).
WITH uses AS (
  -- Every use of every candidate. The key orders a domain's uses; being 128 bits of MD5, no two are alike.
  SELECT *, md5_number(concat_ws(':', getvariable('seed'), repeat, domain, cut_id)) AS key
  FROM (
    SELECT cut_id, domain, ticks, microseconds, unnest(range(passes)) AS repeat
    FROM pool
    JOIN (SELECT DISTINCT domain, passes FROM schedule) USING (domain)
  )
),
queued AS (
  -- A domain's queue: every cut once, then every cut again. A bigger budget only goes further down the queue.
  SELECT
    *,
    sum(ticks) OVER (PARTITION BY domain ORDER BY repeat, key ROWS UNBOUNDED PRECEDING) - ticks / 2.0 AS middle
  FROM uses
),
timed AS (
  -- Virtual time = cumulative units / share: when the whole plan reaches it, the domain is due this use.
  -- The schedule's last epoch ends at the domain's budget, so what lies beyond it is not drawn.
  SELECT
    queued.*,
    time_from + (middle - ticks_from) * pace AS due
  FROM queued
  JOIN schedule ON schedule.domain = queued.domain AND middle >= ticks_from AND middle < ticks_to
),
lined AS (
  -- All domains in one line: any stretch of it holds each share within about one row.
  SELECT
    *,
    greatest(microseconds, getvariable('shortest')) AS load,
    CAST(sum(load) OVER (ORDER BY due, domain, repeat, key ROWS UNBOUNDED PRECEDING) AS BIGINT) - load AS load_before
  FROM timed
),
windowed AS (
  -- The line is cut into windows. Inside one, rows may change places: shortest first.
  SELECT
    * EXCLUDE (load_before, due, middle),
    load_before // getvariable('span') AS stretch,
    load_before // getvariable('span') = max(load_before) OVER () // getvariable('span') AS is_last
  FROM lined
),
sorted AS (
  SELECT
    *,
    CAST(sum(load) OVER by_length AS BIGINT) - load AS load_before,
    row_number() OVER by_length AS place,
    CAST(sum(load) OVER (PARTITION BY stretch) AS BIGINT) AS load_of_window
  FROM windowed
  WINDOW by_length AS (PARTITION BY stretch ORDER BY microseconds, domain, repeat, key ROWS UNBOUNDED PRECEDING)
),
batched AS (
  -- Equal steps of similar lengths; the last window has as many steps as it needs.
  SELECT
    *,
    CAST(
      load_before * CASE
        WHEN is_last THEN (load_of_window + getvariable('batch') - 1) // getvariable('batch')
        ELSE getvariable('span') // getvariable('batch')
      END
      // load_of_window
    AS INTEGER) AS batch
  FROM sorted
),
steps AS (
  -- Steps of a window in shuffled order, so that training does not go from short to long over and over.
  SELECT
    stretch,
    batch,
    min(place) AS first_place,
    row_number() OVER (
      ORDER BY stretch, md5_number(concat_ws(':', getvariable('seed'), 'step', stretch, batch))
    ) - 1 AS step
  FROM batched
  GROUP BY stretch, batch
)
SELECT
  CAST(step AS INTEGER) AS step,
  CAST(place - first_place AS INTEGER) AS slot,
  cut_id,
  domain,
  CAST(repeat AS INTEGER) AS repeat,
  ticks / getvariable('ticks_per_unit') AS units,
  microseconds / 1e6 AS seconds
FROM batched
JOIN steps USING (stretch, batch)
ORDER BY step, slot
