-- severity: warning
-- means: A row's `language` or `target_language` is no ISO 639 code that is known, so its text is read by no language's rule:
--   numbers are not said, abbreviations not spelt out. Each finding says which known code or name is like it.
-- do: Set the language in the recipe or import, as en, de or pt-BR. A language that really has no code may stay as it is.
WITH coded AS (
  SELECT cut_id, corpus, duration, unnest(list_distinct([language, target_language])) AS code FROM accepted
),
said AS (
  SELECT code, language_doubt(code) AS doubt FROM (SELECT DISTINCT code FROM coded WHERE code IS NOT NULL)
)
SELECT
  cut_id,
  corpus,
  string_agg(doubt, '; ' ORDER BY code) AS found,
  count(*) AS worst,
  any_value(duration) AS seconds
FROM coded
JOIN said USING (code)
WHERE doubt <> ''
GROUP BY cut_id, corpus
