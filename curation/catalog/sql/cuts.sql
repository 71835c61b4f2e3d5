-- JSONL rows of one corpus as rows of `cuts`. One row per line that holds JSON; `problem` says what breaks the contract.
-- Placeholders: files (a list of JSONL files), reading (what to do at a line that is no JSON), structure (the fields
-- read from a row). Variables: corpus (the folder's name).
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
    list_filter(r.tracks, lambda t: t.type <> 'PaddingCut')[1].cut AS b,  -- NULL unless mixed
    coalesce(r.supervisions, list_filter(r.tracks, lambda t: t.type <> 'PaddingCut')[1].cut.supervisions) AS s
  FROM read
),
typed AS (
  SELECT
    r.id AS cut_id,
    CASE WHEN NOT is_text THEN coalesce(r.recording.id, b.recording.id) END AS recording_id,
    coalesce(r.custom.corpus, b.custom.corpus, r.corpus, getvariable('corpus')) AS corpus,
    coalesce(r.custom.split, b.custom.split, r.split) AS split,
    coalesce(
      nullif(r.custom.domain, ''), nullif(b.custom.domain, ''), nullif(r.domain, ''),
      r.custom.task, b.custom.task, r.task
    ) AS domain,
    coalesce(r.custom.task, b.custom.task, r.task) AS task,
    CASE WHEN is_text OR r.type = 'MixedCut' THEN 0.0 ELSE r.start END AS start,
    CASE
      WHEN is_text THEN 0.0
      WHEN r.type = 'MixedCut'
        THEN list_max(list_transform(r.tracks, lambda t: coalesce(t.offset, 0.0) + t.cut.duration))
      ELSE r.duration
    END AS duration,
    coalesce(s[1].language, r.language) AS language,
    coalesce(s[1].custom.target_language, CASE WHEN is_text THEN r.language END) AS target_language,
    s[1].speaker AS speaker,
    CASE  -- several supervisions: their texts in order
      WHEN is_text THEN r.text
      WHEN len(s) > 1 THEN array_to_string(list_filter(list_transform(s, lambda x: x.text), lambda x: x IS NOT NULL), ' ')
      ELSE s[1].text
    END AS text,
    coalesce(s[1].custom.target_text, r.target_text) AS target_text,
    CASE WHEN len(s) > 1 THEN flatten(list_transform(s, lambda x: x.custom.sound)) ELSE s[1].custom.sound END AS sound,
    s[1].custom.sound_original AS sound_original,
    coalesce(r.recording.sampling_rate, b.recording.sampling_rate) AS sampling_rate,
    CAST(len(coalesce(r.recording.channel_ids, b.recording.channel_ids)) AS INTEGER) AS channels,
    coalesce(r.recording.sources, b.recording.sources)[1].source AS source_path,
    coalesce(r.custom.license, b.custom.license, r.license) AS license,
    coalesce(r.custom.audio_sha256, b.custom.audio_sha256) AS audio_sha256,
    CAST(manifest AS VARCHAR) AS manifest,
    r.type AS kind,
    is_text
  FROM based
)
SELECT
  * EXCLUDE (kind, is_text),
  CASE
    -- What is no object has no id either; only then is the line looked at again.
    WHEN (cut_id IS NULL OR cut_id = '') AND json_type(manifest) <> 'OBJECT'
      THEN 'the line is JSON ' || lower(json_type(manifest)) || ', expected an object'
    WHEN cut_id IS NULL OR cut_id = '' THEN 'no `id`'
    WHEN kind IS NULL OR kind NOT IN ('MonoCut', 'MultiCut', 'MixedCut', 'Text')
      THEN 'type is ' || coalesce(kind, 'missing') || ', expected MonoCut, MultiCut, MixedCut or Text'
    WHEN split IS NULL OR split NOT IN ('train', 'dev', 'test')
      THEN 'split is ' || coalesce(split, 'missing') || ', expected train, dev or test'
    WHEN task IS NULL THEN 'no `task`'
    WHEN start IS NULL OR NOT isfinite(start) OR start < 0
      THEN 'start is ' || coalesce(CAST(start AS VARCHAR), 'no number') || ', expected seconds >= 0'
    WHEN duration IS NULL OR NOT isfinite(duration) OR (duration <= 0 AND NOT is_text)
      THEN 'duration is ' || coalesce(CAST(duration AS VARCHAR), 'no number') || ', expected seconds > 0'
    WHEN NOT is_text AND recording_id IS NULL THEN 'no `recording`'
    WHEN is_text AND (text IS NULL OR target_text IS NULL) THEN 'a text-only row without `text` or `target_text`'
  END AS problem
FROM typed
