-- severity: warning
-- means: A cut's sound label is no name of AudioSet's ontology (the table `ontology`), or a cut of sound has no label
--   (captions aside): the same sound under two names splits its domain, and a misspelt name is a class of its own. Each
--   finding says how many cuts have the label, what corpora that use it mean (the table `ontology_labels`), and which
--   names of the ontology are nearest to it.
-- do: Map the corpus's own labels to the ontology (manifests/ontology/labels.csv) and keep them in `sound_original`. With
--   another vocabulary, put a file unknown_labels.sql into your own folder of audits.
WITH labelled AS (
  SELECT cut_id, corpus, duration, unnest(list_distinct(sound)) AS label FROM accepted
),
strange AS (
  SELECT label, count(*) AS cuts FROM labelled ANTI JOIN ontology ON label = name GROUP BY label
),
near AS (
  SELECT label, string_agg(name, ', ' ORDER BY likeness DESC, name) AS names
  FROM (
    SELECT label, name, jaro_winkler_similarity(lower(label), lower(name)) AS likeness
    FROM strange CROSS JOIN ontology
    WHERE likeness >= 0.7
    QUALIFY row_number() OVER (PARTITION BY label ORDER BY likeness DESC, name) <= 3
  )
  GROUP BY label
),
meant AS (
  SELECT label, string_agg(format('in {} it is {}', vocabulary, array_to_string(sounds, ' | ')), ', ' ORDER BY vocabulary) AS names
  FROM ontology_labels
  GROUP BY label
),
said AS (
  SELECT
    label,
    label || ' (cuts: ' || cuts || coalesce('; ' || meant.names, '') || coalesce('; nearest: ' || near.names, '') || ')' AS found
  FROM strange LEFT JOIN near USING (label) LEFT JOIN meant USING (label)
)
SELECT
  cut_id,
  corpus,
  'not in the ontology: ' || string_agg(said.found, ', ' ORDER BY label) AS found,
  count(*) AS worst,
  any_value(duration) AS seconds
FROM labelled
JOIN said USING (label)
GROUP BY cut_id, corpus
UNION ALL
SELECT cut_id, corpus, 'no label', 0, duration
FROM accepted
WHERE task = 'sound' AND domain <> 'captions' AND coalesce(len(sound), 0) = 0
