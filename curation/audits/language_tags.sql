-- severity: warning
-- means: A text's language tag is missing or no ISO 639 code, or the text is in a script that the language is not written in.
-- do: Set `language` (and `target_language`) in the recipe; a wrong script is often a transcript of another cut.
SELECT
  cut_id,
  corpus,
  format('tag {}: {}', coalesce(language, 'missing'), left(text, 60)) AS found,
  duration AS worst,
  duration AS seconds
FROM accepted
WHERE task IN ('asr', 'st', 'qa') AND text IS NOT NULL AND (
  NOT regexp_full_match(coalesce(language, ''), '[a-z]{2,3}(-[A-Za-z]+)?')
  OR (language IN ('en', 'de', 'fr', 'es', 'it', 'nl', 'cs', 'pl', 'pt', 'ro', 'sv')
    AND regexp_matches(text, '[\p{Cyrillic}\p{Han}\p{Arabic}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Thai}]'))
  OR (language IN ('ru', 'bg', 'uk') AND NOT regexp_matches(text, '\p{Cyrillic}') AND regexp_matches(text, '\p{L}'))
)
