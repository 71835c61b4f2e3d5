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
  NOT regexp_full_match(coalesce(language, ''), '[a-z]{2,3}(-[A-Za-z0-9]+)*')
  OR (language IN ('en', 'de', 'fr', 'es', 'it', 'nl', 'cs', 'pl', 'pt', 'ro', 'sv')
    AND regexp_matches(text, '[\p{Cyrillic}\p{Han}\p{Arabic}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}' ||
      '\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}' ||
      '\p{Hebrew}\p{Armenian}\p{Georgian}\p{Ethiopic}]'))
  OR (language IN ('ru', 'bg', 'uk') AND NOT regexp_matches(text, '\p{Cyrillic}') AND regexp_matches(text, '\p{L}'))
)
