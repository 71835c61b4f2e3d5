-- AudioSet's ontology (manifests/ontology): what a sound is a kind of.
-- Tables: ontology (name, id, parents, ancestors) and ontology_labels (vocabulary, label, sounds).

-- is_a(label, 'Animal'): is the label Animal, or something below it? Of a list of labels (cuts.sound): is any of them?
-- NULL where no label is a name of the ontology: what is not known is neither; the audit unknown_labels names such labels.
CREATE MACRO is_a(label, kind) AS CASE
  WHEN kind IN (SELECT name FROM ontology) THEN (
    SELECT bool_or(known.name = kind OR list_contains(known.ancestors, kind))
    FROM (SELECT unnest([label], recursive := true) AS said)
    JOIN ontology AS known ON known.name = said
  )
  WHEN kind IS NOT NULL THEN error(
    'is_a: ' || kind || ' is no name of AudioSet''s ontology; nearest: '
    || (SELECT max_by(name, jaro_winkler_similarity(lower(name), lower(kind))) FROM ontology)
  )
END;

-- sounds_of('esc50', 'dog'): the names that a corpus's own label has in the ontology; NULL where the table has no such label.
-- A label of the table may be a pattern: * stands for anything, and the longest that matches counts.
CREATE MACRO sounds_of(words, own) AS (
  SELECT max_by(sounds, length(label))
  FROM ontology_labels
  WHERE vocabulary = words AND (label = own OR (contains(label, '*') AND own GLOB label))
);
