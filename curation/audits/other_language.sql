-- severity: warning
-- means: A text is written in another language than its row says, or another is heard. Only says something after the pass
--   `language`; short texts, of which nobody can tell, are left out.
-- do: Correct the language in the recipe, or leave the cuts out: numbers and names are read by a wrong rule.
-- setting: least_certainty = 0.8
-- setting: least_letters = 20
WITH told AS (
  SELECT
    cut_id,
    max(labels.text) FILTER (labels.name = 'language') AS written,
    max(value) FILTER (labels.name = 'language') AS certainty,
    max(value) FILTER (labels.name = 'declared_language') AS declared,
    max(labels.text) FILTER (labels.name = 'heard_language') AS heard,
    max(value) FILTER (labels.name = 'heard_language') AS heard_certainty,
    max(value) FILTER (labels.name = 'heard_declared') AS heard_declared
  FROM labels
  WHERE pass = 'language'
  GROUP BY cut_id
),
doubted AS (
  SELECT
    *,
    certainty >= getvariable('least_certainty') AND declared < 1 - getvariable('least_certainty')
      AND length(regexp_replace(text, '[^\p{L}]', '', 'g')) >= getvariable('least_letters') AS reads_other,
    heard_certainty >= getvariable('least_certainty') AND heard_declared < 1 - getvariable('least_certainty')
      AS sounds_other
  FROM accepted
  JOIN told USING (cut_id)
)
SELECT
  cut_id,
  corpus,
  concat_ws(
    '; ',
    CASE WHEN reads_other THEN format('{} is written as {} ({:.2f}): {}', language, written, certainty, left(text, 60)) END,
    CASE WHEN sounds_other THEN format('{} is heard as {} ({:.2f})', language, heard, heard_certainty) END
  ) AS found,
  greatest(CASE WHEN reads_other THEN certainty END, CASE WHEN sounds_other THEN heard_certainty END) AS worst,
  duration AS seconds
FROM doubted
WHERE reads_other OR sounds_other
