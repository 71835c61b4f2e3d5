-- What plans were chosen by. Table: locks.

CREATE VIEW rules AS
SELECT study, plan, run, 'query' AS kind, settings->>'select' AS name, query AS sql, sha256(query) AS sha256, NULL::VARCHAR AS settings
FROM locks
WHERE query IS NOT NULL
UNION ALL
SELECT
  study,
  plan,
  run,
  'rules' AS kind,
  settings->>'rules' AS name,
  settings->>'rules_query' AS sql,
  sha256(settings->>'rules_query') AS sha256,
  CAST(settings->'rule' AS VARCHAR) AS settings
FROM locks
WHERE settings->>'rules_query' IS NOT NULL;
