-- What people ask of a catalog, as macros.

-- hours(): audio hours of the whole catalog. hours(duration): of the rows at hand, e.g. SELECT corpus, hours(duration) FROM cuts GROUP BY corpus.
CREATE MACRO hours() AS (SELECT sum(duration) / 3600 FROM cuts), (seconds) AS sum(seconds) / 3600;

-- Characters per second of speech.
CREATE MACRO text_rate(words, seconds) AS length(words) / nullif(seconds, 0);

-- The text as leakage and duplicate checks compare it: lower case, letters and digits of any script, nothing between
-- them. The first case is only there for speed: most corpora have no punctuation.
CREATE MACRO plain_text(words) AS CASE
  WHEN NOT regexp_matches(words, '[^a-zA-Z0-9 '']') THEN replace(replace(lower(words), ' ', ''), '''', '')
  ELSE regexp_replace(lower(words), '[^\p{L}\p{M}\p{N}]+', '', 'g')
END;

-- share_by(corpus): rows, hours and shares of both by any column of `cuts`: FROM share_by(language).
CREATE MACRO share_by(col) AS TABLE
  SELECT
    col AS name,
    count(*) AS cuts,
    sum(duration) / 3600 AS hours,
    count(*) / sum(count(*)) OVER () AS share_of_cuts,
    sum(duration) / sum(sum(duration)) OVER () AS share_of_hours
  FROM cuts
  GROUP BY ALL
  ORDER BY hours DESC, name;
