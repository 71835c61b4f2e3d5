-- JSONL rows of one corpus as rows of `cuts`. One row per line that holds JSON; `problem` says what breaks the contract.
-- The columns are those of manifests/schema.sql: curation/catalog/columns.py fills in what follows from them.
-- Placeholders: files (a list of JSONL files), reading (what to do at a line that is no JSON), structure (the fields
-- read from a row), given (`_NAME`: each column's value as the row gives it), values (the same with its type), problems
-- (WHEN clauses), slack (seconds). Variables: corpus (the folder's name),
-- splits (a map: known names of splits, as `validation`, -> ours).
-- Lhotse's kinds: MonoCut, MultiCut, and MixedCut (facts of its first track that is no padding). Text-only rows: type Text.
WITH read AS (
  SELECT
    json AS manifest,
    from_json(json, $structure) AS r
  FROM read_ndjson_objects($files, $reading)
  WHERE json IS NOT NULL
),
based AS (
  SELECT
    manifest,
    r,
    r.type IS NOT DISTINCT FROM 'Text' AS is_text,
    r.type IS NOT DISTINCT FROM 'MixedCut' AS is_mixed,
    CASE WHEN is_mixed THEN list_filter(r.tracks, lambda t: t.type <> 'PaddingCut')[1].cut END AS b
  FROM read
),
supervised AS (
  SELECT *, coalesce(r.supervisions, b.supervisions) AS s FROM based
),
given AS (
  SELECT
    $given,
    manifest,
    r,
    is_text,
    is_mixed
  FROM supervised
),
filled AS (  -- what a row need not say, and the span of a mixed cut
  SELECT * REPLACE (
    coalesce(nullif(_corpus, ''), getvariable('corpus')) AS _corpus,
    coalesce(nullif(_domain, ''), _task) AS _domain,
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
    r.type AS kind,
    CASE WHEN NOT is_mixed THEN TRY_CAST(CAST(r.recording.duration AS VARCHAR) AS DOUBLE) END AS length,
    is_text
  FROM filled
)
SELECT
  *,
  CASE
    -- What is no object has no id either; only then is the line looked at again.
    WHEN cut_id IS NULL AND json_type(manifest) <> 'OBJECT'
      THEN 'the line is JSON ' || lower(json_type(manifest)) || ', expected an object'
    $problems
    WHEN NOT is_text AND start + duration > length + $slack
      THEN 'the cut ends at ' || printf('%.3f', start + duration) || ' s, its recording at ' || printf('%.3f', length) || ' s'
  END AS problem
FROM typed
