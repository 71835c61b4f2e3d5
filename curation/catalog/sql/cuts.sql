-- JSONL rows of one corpus as rows of `cuts`. One row per line that is not empty; `problem` says what breaks the contract.
-- The columns are those of manifests/schema.sql: curation/catalog/columns.py fills in what follows from them.
-- Placeholders: lines (a relation of curation/catalog/lines.py), parsed (which lines are parsed), structure (the fields
-- read from a row), given (`_NAME`: each column's value as the row gives it), values (the same with its type), problems
-- (WHEN clauses), spoken (the supervisions by their times), slack (seconds). Variables: corpus (the folder's name),
-- splits (a map: known names of splits, as `validation`, -> ours).
-- Lhotse's kinds: MonoCut, MultiCut, and MixedCut (facts of its first track that is no padding). Text-only rows: type Text.
WITH read AS (
  SELECT
    *,
    CASE WHEN unreadable IS NULL AND $parsed THEN from_json(manifest, $structure) END AS r
  FROM (
    SELECT file, number, $trimmed AS manifest, problem AS unreadable
    FROM $lines
  )
  WHERE unreadable IS NOT NULL OR manifest <> ''
),
based AS (
  SELECT
    *,
    r.type IS NOT DISTINCT FROM 'Text' AS is_text,
    r.type IS NOT DISTINCT FROM 'MixedCut' AS is_mixed,
    CASE WHEN is_mixed THEN list_filter(r.tracks, lambda t: t.type <> 'PaddingCut')[1].cut END AS b
  FROM read
),
supervised AS (
  SELECT
    *,
    $spoken AS spoken,
    CASE WHEN spoken IS NULL THEN r.supervisions ELSE list_transform(spoken, lambda e: e.x) END AS s
  FROM based
),
given AS (
  SELECT
    $given,
    * EXCLUDE (b, s)
  FROM supervised
),
filled AS (  -- what a row need not say, and the span of a mixed cut
  SELECT * REPLACE (
    coalesce(nullif(_corpus, ''), getvariable('corpus')) AS _corpus,
    coalesce(nullif(_domain, ''), lower(_task)) AS _domain,
    coalesce(element_at(CAST(getvariable('splits') AS MAP(VARCHAR, VARCHAR)), _split)[1], _split) AS _split,
    CASE WHEN is_text OR is_mixed THEN '0.0' ELSE _start END AS _start,
    CASE
      WHEN is_text THEN '0.0'
      WHEN is_mixed THEN CAST(list_max(list_transform(
        r.tracks,
        lambda t: coalesce(TRY_CAST(CAST(t.offset AS VARCHAR) AS DOUBLE), 0.0)
          + TRY_CAST(CAST(t.cut.duration AS VARCHAR) AS DOUBLE)
      )) AS VARCHAR)
      ELSE _duration
    END AS _duration
  )
  FROM given
),
typed AS (
  SELECT
    $values,
    COLUMNS('^_'),
    file,
    number,
    unreadable,
    spoken,
    r.supervisions IS NULL AS without_list,
    r.type AS kind,
    CASE WHEN NOT is_mixed THEN TRY_CAST(CAST(r.recording.duration AS VARCHAR) AS DOUBLE) END AS length,
    is_text
  FROM filled
)
SELECT
  *,
  CASE
    WHEN unreadable IS NOT NULL THEN unreadable
    -- What is no object has no id either; only then is the line looked at again.
    WHEN cut_id IS NULL AND NOT json_valid(manifest) THEN $not_json
    WHEN cut_id IS NULL AND json_type(manifest) <> 'OBJECT' THEN $no_object
    WHEN $repeated THEN $repeats
    $problems
    WHEN NOT is_text AND start + duration > length + $slack
      THEN 'the cut ends at ' || printf('%.3f', start + duration) || ' s, its recording at ' || printf('%.3f', length) || ' s'
  END AS problem
FROM typed
