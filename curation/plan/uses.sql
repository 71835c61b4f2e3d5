-- Every use of every candidate that a plan may draw: of which row of `pool`, which use of it, and its place in the queue.
-- Tables:    pool (cut_id, domain, microseconds, ticks, most), one row per candidate; `most` limits its uses;
--            domains (domain, number), one row per domain; repeats (number, repeat), one row per domain and use.
-- Variables: seed.
-- The key orders a domain's uses; being 128 bits of MD5, no two are alike. It leaves in two halves.
SELECT
  item,
  number,
  repeat,
  ticks,
  microseconds,
  CAST(key >> 64 AS UBIGINT) AS key,
  CAST(key & 18446744073709551615 AS UBIGINT) AS rest
FROM (
  SELECT
    pool.rowid AS item,
    number,
    repeat,
    ticks,
    microseconds,
    md5_number(concat_ws(':', getvariable('seed'), repeat, domain, cut_id)) AS key
  FROM pool
  JOIN domains USING (domain)
  JOIN repeats USING (number)
  WHERE repeat < most
)
