-- severity: error
-- means: A cut that is to be transcribed, translated or answered has no text, or no target.
-- do: Refuse it in its recipe with the reason empty_text or target_missing.
SELECT
  cut_id,
  corpus,
  CASE WHEN trim(coalesce(text, '')) = '' THEN 'no text' ELSE 'no target text' END AS found,
  duration AS worst,
  duration AS seconds
FROM accepted
WHERE (task IN ('asr', 'st', 'qa') AND trim(coalesce(text, '')) = '')
  OR (task IN ('st', 'qa') AND trim(coalesce(target_text, '')) = '')
