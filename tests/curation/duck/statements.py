"""SQL that users may run, and SQL that they may not. `{part}` is a file of the catalog, `{out}` a new file."""

REFUSED = """
COPY (SELECT 1) TO '{out}'
COPY cuts TO '{part}' (FORMAT parquet, USE_TMP_FILE false)
COPY (SELECT 1) TO 'read-only://{part}' (FORMAT parquet, USE_TMP_FILE false)
COPY cuts FROM '{part}'
EXPLAIN ANALYZE COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)
EXPLAIN ANALYZE COPY (SELECT 1) TO 'read-only://{part}' (FORMAT parquet, USE_TMP_FILE false)
/* a */ explain -- b\n analyze COPY (SELECT 1) TO '{out}'
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{out}'
EXPLAIN COPY (SELECT 1) TO '{out}'
EXPLAIN ANALYZE DROP VIEW cuts
EXPLAIN ANALYZE DROP TABLE ontology
EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1
EXPLAIN ANALYZE INSERT INTO ontology VALUES ('a')
EXPLAIN ANALYZE SET threads = 1
EXPLAIN ANALYZE ATTACH '{out}'
EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO '{out}') FROM a
EXPLAIN SELECT 1; DROP VIEW cuts
EXPLAIN
WITH a AS (COPY (SELECT 1) TO '{out}') FROM a
WITH a AS (COPY (SELECT 1) TO 'read-only://{part}' (FORMAT parquet, USE_TMP_FILE false)) FROM a
WITH a AS (INSERT INTO ontology VALUES ('a') RETURNING name) FROM a
WITH a AS (DELETE FROM ontology RETURNING name) SELECT count(*) FROM a
WITH a AS (UPDATE ontology SET name = 'a' RETURNING name) FROM a
WITH a AS (TRUNCATE ontology) FROM a
SELECT (WITH a AS (DELETE FROM ontology RETURNING name) SELECT max(name) FROM a)
SELECT * FROM (WITH a AS (INSERT INTO ontology VALUES ('a') RETURNING name) FROM a)
SELECT 1 UNION ALL (WITH a AS (DELETE FROM ontology RETURNING 1) FROM a)
DESCRIBE WITH a AS (DELETE FROM ontology RETURNING 1) FROM a
DROP VIEW cuts
DROP TABLE ontology
CREATE TABLE t AS SELECT 1
CREATE OR REPLACE VIEW cuts AS SELECT 1
CREATE TEMP TABLE t (a INTEGER)
CREATE MACRO hours() AS 1
CREATE SEQUENCE s
CREATE SCHEMA s
CREATE TYPE mood AS ENUM ('a')
CREATE SECRET s (TYPE s3)
CREATE INDEX i ON ontology (name)
ALTER TABLE ontology ADD COLUMN a INTEGER
COMMENT ON TABLE ontology IS 'a'
INSERT INTO ontology VALUES ('a')
INSERT INTO cuts SELECT * FROM cuts
UPDATE ontology SET name = 'a'
DELETE FROM ontology
TRUNCATE ontology
MERGE INTO ontology USING ontology AS o ON ontology.name = o.name WHEN MATCHED THEN DELETE
ATTACH '{out}'
ATTACH ':memory:' AS other
DETACH memory
USE memory
INSTALL httpfs
LOAD httpfs
LOAD '{out}'
UPDATE EXTENSIONS
EXPORT DATABASE '{out}'
IMPORT DATABASE '{out}'
COPY FROM DATABASE memory TO memory
SET enable_external_access = true
SET VARIABLE a = 1
RESET threads
PRAGMA version
PRAGMA table_info('cuts')
PRAGMA enable_profiling
CALL pragma_version()
CALL enable_logging(storage = 'file', storage_path = '{out}')
CHECKPOINT
VACUUM
ANALYZE
BEGIN TRANSACTION
COMMIT
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
PIVOT cuts ON split USING count(*)
FROM checkpoint()
FROM force_checkpoint()
FROM enable_logging(storage = 'file', storage_path = '{out}')
FROM enable_profiling()
FROM truncate_duckdb_logs()
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
FROM query('SELECT 1')
FROM query_table('cuts')
FROM read_text('{part}')
FROM read_blob('{part}')
FROM read_parquet('{part}')
FROM parquet_scan('read-only://{part}')
FROM read_csv('/etc/passwd')
FROM read_json_auto('/etc/passwd')
FROM sniff_csv('/etc/passwd')
FROM glob('/etc/*')
FROM parquet_metadata('{part}')
FROM read_duckdb('{out}')
FROM '/etc/passwd.csv'
FROM '{part}'
FROM 'https://example.com/a.parquet'
FROM 's3://bucket/a.parquet'
FROM duckdb_secrets()
FROM duckdb_settings()
FROM which_secret('s3://a', 's3')
FROM register_external_resource('a')
FROM python_variable
SELECT getenv('HOME')
SELECT current_setting('temp_directory')
SELECT nextval('s')
SELECT write_log('a')
SELECT setseed(0.5)
SELECT sleep_ms(1)
SELECT pg_sleep(1)
SELECT 1; SELECT 2
SELECT 1; DROP VIEW cuts
SELEC 1
SELECT '\ud800'
;
-- nothing
""".strip().splitlines()

WORKS = """
SELECT 1;
SELECT 1 AS "[/x]"
FROM cuts
FROM cuts SELECT cut_id WHERE duration > 0
TABLE cuts
VALUES (1), (2)
(SELECT 1)
SELECT count(*) FROM cuts -- why
/* why */ SELECT 1
WITH a AS (SELECT 1 AS x), b AS (FROM a) FROM b
WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 3) FROM r
SELECT 1 UNION ALL SELECT 2 ORDER BY 1
SELECT corpus, hours(duration) AS hours FROM cuts GROUP BY corpus
SELECT cut_id, row_number() OVER (ORDER BY cut_id) FROM cuts QUALIFY row_number() OVER (ORDER BY cut_id) = 1
SELECT list_transform([1, 2], lambda x: x + 1)
SELECT unnest([1, 2])
FROM range(3)
FROM generate_series(1, 3)
FROM unnest([1, 2])
FROM json_each('{{"a": 1}}')
SELECT manifest->>'$.id' FROM cuts
SELECT * FROM cuts USING SAMPLE 1
PIVOT cuts ON split IN ('train', 'dev') USING count(*)
UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b
DESCRIBE cuts
DESCRIBE SELECT 1 AS a
SUMMARIZE cuts
SUMMARIZE SELECT 1 AS a
SHOW TABLES
SELECT column_name FROM (DESCRIBE cuts)
SELECT table_name FROM information_schema.tables
SELECT view_name FROM duckdb_views()
SELECT function_name FROM duckdb_functions() LIMIT 1
FROM pragma_table_info('cuts')
FROM share_by(split)
FROM overview
FROM paper.stage_1
FROM accepted JOIN cuts USING (cut_id) SELECT cuts.cut_id
EXPLAIN SELECT 1
EXPLAIN ANALYZE SELECT count(*) FROM cuts
EXPLAIN (FORMAT json) SELECT 1
explain /* why */ analyze WITH a AS (SELECT 1) FROM a;
EXPLAIN (SELECT 1)
""".strip().splitlines()
