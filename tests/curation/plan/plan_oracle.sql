-- A plan: one row per draw, in training order. Deterministic: whole-number sums, and no tie is left to chance.
-- Tables:    pool (cut_id, domain, microseconds, ticks, most), one row per candidate; `most` limits its uses;
--            domains (domain, number, passes, ticks_before), one row per domain: its place in the queue of queues;
--            schedule (number, ticks_from, ticks_to, time_from, pace), one row per domain and epoch.
-- Variables: seed, batch (microseconds a step), span (microseconds a window, a multiple of batch),
--            slack (microseconds that a window may be longer or shorter at either end), ticks_per_unit,
--            shortest (microseconds a row counts at least, so that rows per step are capped).
-- Sorts carry numbers only; the cut's id is fetched by its row in `pool` at the end.
WITH uses AS (
  -- Every use of every candidate. The key orders a domain's uses; being 128 bits of MD5, no two are alike.
  SELECT
    item,
    number,
    ticks_before,
    CAST(repeat AS USMALLINT) AS repeat,
    ticks,
    microseconds,
    md5_number(concat_ws(':', getvariable('seed'), repeat, domain, cut_id)) AS key
  FROM (
    SELECT pool.rowid AS item, pool.*, number, ticks_before, unnest(range(least(passes, most))) AS repeat
    FROM pool
    JOIN domains USING (domain)
  )
),
queued AS (
  -- A domain's queue: every cut once, then every cut again. A bigger budget only goes further down the queue.
  SELECT
    item,
    number,
    repeat,
    ticks,
    microseconds,
    row_number() OVER queue AS turn,
    sum(ticks) OVER queue - ticks_before - ticks / 2.0 AS middle  -- of this use, in the ticks of its domain
  FROM uses
  WINDOW queue AS (ORDER BY number, repeat, key ROWS UNBOUNDED PRECEDING)
),
timed AS (
  -- Virtual time = cumulative units / share: when the whole plan reaches it, the domain is due this use.
  -- The schedule's last epoch ends at the domain's budget, so what lies beyond it is not drawn.
  SELECT
    queued.*,
    time_from + (middle - ticks_from) * pace AS due,
    greatest(microseconds, getvariable('shortest')) AS load
  FROM queued
  JOIN schedule ON schedule.number = queued.number AND middle >= ticks_from AND middle < ticks_to
),
lined AS (
  -- All domains in one line, which holds every share within about one row. Its drift is how far it is ahead of time.
  SELECT
    item,
    repeat,
    ticks,
    microseconds,
    turn,
    load,
    CAST(sum(load) OVER line AS BIGINT) - load AS load_before,
    abs(CAST(sum(ticks) OVER line AS BIGINT) - ticks - due) AS drift
  FROM timed
  WINDOW line AS (ORDER BY due, turn ROWS UNBOUNDED PRECEDING)
),
cuts AS (
  -- The line is cut into windows of about `span`: near each multiple of it, where the drift is least. There no domain
  -- is ahead or behind at the cost of the others, so that each window by itself holds the shares.
  SELECT
    CAST(round(load_before / getvariable('span')) AS INTEGER) AS number,
    arg_min(load_before, {'drift': drift, 'load_before': load_before}) AS at
  FROM lined
  WHERE abs(load_before - round(load_before / getvariable('span')) * getvariable('span')) <= getvariable('slack')
    AND load_before > getvariable('slack')  -- the first window starts at 0
  GROUP BY ALL
),
windowed AS (
  SELECT
    lined.*,
    CAST(
      load_before // getvariable('span') + CASE
        WHEN load_before >= upper.at THEN 1
        WHEN load_before < lower.at THEN -1
        ELSE 0
      END AS INTEGER
    ) AS stretch
  FROM lined
  LEFT JOIN cuts AS lower ON lower.number = load_before // getvariable('span')
  LEFT JOIN cuts AS upper ON upper.number = load_before // getvariable('span') + 1
),
sorted AS (
  -- Inside a window rows may change places: shortest first.
  SELECT
    * EXCLUDE (load_before, drift),
    CAST(sum(load) OVER by_length AS BIGINT) - load AS load_before,
    row_number() OVER by_length AS place
  FROM windowed
  WINDOW by_length AS (ORDER BY stretch, microseconds, turn ROWS UNBOUNDED PRECEDING)
),
windows AS (
  -- Windows in numbers; the last one has as many steps as it needs.
  SELECT
    stretch,
    min(load_before) AS load_start,
    CAST(sum(load) AS BIGINT) AS load_total,
    CASE
      WHEN stretch = max(stretch) OVER () THEN CAST(ceil(sum(load) / getvariable('batch')) AS BIGINT)
      ELSE getvariable('span') // getvariable('batch')
    END AS steps
  FROM sorted
  GROUP BY stretch
),
batched AS (
  -- Equal steps of similar lengths.
  SELECT
    item,
    repeat,
    ticks,
    microseconds,
    place,
    stretch,
    CAST((load_before - load_start) * steps // load_total AS INTEGER) AS batch
  FROM sorted
  JOIN windows USING (stretch)
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
  batched.ticks / getvariable('ticks_per_unit') AS units,
  batched.microseconds / 1e6 AS seconds
FROM batched
JOIN steps USING (stretch, batch)
JOIN pool ON pool.rowid = item
ORDER BY step, slot
