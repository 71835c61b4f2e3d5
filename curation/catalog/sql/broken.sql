-- Lines of a corpus's JSONL files that are no JSON. One row per such line.
-- Placeholders: files. Only run when there are any: it reads the files again as plain lines, to count them.
WITH lines AS (
  SELECT
    line,
    filename,
    row_number() OVER (PARTITION BY filename) AS number
  FROM read_csv(
    $files, columns = {'line': 'VARCHAR'}, delim = '', quote = '', escape = '', header = false, auto_detect = false,
    filename = true, null_padding = false, max_line_size = 67108864, buffer_size = 134217728
  )
)
SELECT
  parse_filename(filename) || ':' || number AS cut_id,  -- a broken line has no id of its own
  'not valid JSON: ' || left(line, 120) AS detail
FROM lines
WHERE line IS NOT NULL AND trim(line) <> '' AND NOT json_valid(line)
