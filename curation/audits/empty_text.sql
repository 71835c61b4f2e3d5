-- severity: error
-- means: A cut that is to be transcribed, translated or answered has no text, or no target.
-- do: Refuse it in its recipe with the reason empty_text or target_missing.
WITH looked AS (
  SELECT
    *,
    NOT regexp_matches(coalesce(text, ''), '[^\s\p{Z}\p{C}]') AS no_text,
    task IN ('st', 'qa') AND NOT regexp_matches(coalesce(target_text, ''), '[^\s\p{Z}\p{C}]') AS no_target
  FROM accepted
  WHERE task IN ('asr', 'st', 'qa')
)
SELECT
  cut_id,
  corpus,
  CASE WHEN no_text THEN 'no text' ELSE 'no target text' END AS found,
  duration AS worst,
  duration AS seconds
FROM looked
WHERE no_text OR no_target
