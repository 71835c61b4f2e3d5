-- The candidates of a mixture with what each costs. One row per cut and domain that the mixture's query returned.
-- Placeholders: query (the mixture's SELECT), ticks (cost of one use as an expression), seconds_per_token, counts (names
-- of labels), weighed (which cuts are measured in tokens: text-only rows, or all).
-- Whole numbers throughout: sums of integers do not depend on the order in which threads add them.
WITH chosen AS (
  SELECT CAST(cut_id AS VARCHAR) AS cut_id, CAST(domain AS VARCHAR) AS domain
  FROM (
$query
  )
),
counted AS (
  SELECT
    cut_id,
    max(CASE WHEN name = 'frames' THEN value END) AS frames,
    max(CASE WHEN name = 'llm_tokens' THEN value END) AS llm_tokens
  FROM labels
  WHERE name IN ($counts)
  GROUP BY cut_id
),
guessed AS (
  -- No label with the count: four characters make a token of English BPE, give or take. Counted before the join, so that
  -- texts neither travel through it nor are read where no token is asked for.
  SELECT
    cut_id,
    greatest(1, ceil((coalesce(length(text), 0) + coalesce(length(target_text), 0)) / 4.0)) AS tokens
  FROM cuts
  WHERE $weighed
),
measured AS (
  SELECT
    chosen.cut_id,
    chosen.domain,
    cuts.cut_id IS NOT NULL AS known,
    coalesce(llm_tokens, tokens) AS llm_tokens,
    duration,
    frames
  FROM chosen
  LEFT JOIN cuts USING (cut_id)
  LEFT JOIN counted USING (cut_id)
  LEFT JOIN guessed USING (cut_id)
),
spanned AS (
  SELECT
    * EXCLUDE (duration),
    CASE WHEN duration > 0 THEN duration ELSE llm_tokens * $seconds_per_token END AS seconds
  FROM measured
)
SELECT
  cut_id,
  domain,
  known,
  greatest(1, CAST(round(seconds * 1e6) AS BIGINT)) AS microseconds,  -- of audio, or a text-only row's equivalent
  greatest(1, CAST($ticks AS BIGINT)) AS ticks,                       -- cost in the mixture's unit
  2147483647::INTEGER AS most  -- uses in this domain; less for a cut that stands in several (curation/plan/shared.py)
FROM spanned
