-- severity: warning
-- means: A classifier hears none of a cut's sounds among the likeliest: no tag is one of them, a kind of one, or what one is a
--   kind of. Only says something after the pass `tag`, of labels that are names of the ontology.
-- do: Listen to the worst ones; correct the label, or leave the cuts out. Small classifiers know common sounds only.
-- setting: least_certainty = 0.5
WITH sounds AS (
  SELECT cut_id, unnest(sound) AS label FROM accepted WHERE len(sound) > 0
),
wanted AS (
  SELECT cut_id, label, ancestors FROM sounds JOIN ontology ON ontology.name = label
),
tags AS (
  SELECT cut_id, labels.text AS tag, value, ancestors
  FROM labels
  JOIN ontology ON ontology.name = labels.text
  WHERE pass = 'tag' AND labels.name = 'tag'
),
fits AS (
  SELECT cut_id, bool_or(tag = label OR list_contains(wanted.ancestors, tag) OR list_contains(tags.ancestors, label)) AS any_fits
  FROM tags
  JOIN wanted USING (cut_id)
  GROUP BY cut_id
),
best AS (
  SELECT cut_id, max(value) AS certainty, string_agg(tag, ', ' ORDER BY value DESC, tag) AS heard FROM tags GROUP BY cut_id
)
SELECT
  cut_id,
  corpus,
  format('{}: heard {}', array_to_string(sound, ', '), heard) AS found,
  certainty AS worst,
  duration AS seconds
FROM accepted
JOIN fits USING (cut_id)
JOIN best USING (cut_id)
WHERE NOT any_fits AND certainty >= getvariable('least_certainty')
