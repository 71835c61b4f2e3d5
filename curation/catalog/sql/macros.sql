-- What people ask of a catalog, as macros.

-- hours(): audio hours of the whole catalog. hours(duration): of the rows at hand, e.g. SELECT corpus, hours(duration) FROM cuts GROUP BY corpus.
CREATE MACRO hours() AS (SELECT sum(duration) / 3600 FROM cuts), (seconds) AS sum(seconds) / 3600;

-- Characters per second of speech.
CREATE MACRO text_rate(words, seconds) AS length(words) / nullif(seconds, 0);

-- Is the language written without spaces between words? Then its texts are counted in characters (see curation.text).
CREATE MACRO unspaced(tag) AS
  regexp_extract(lower(coalesce(tag, '')), '^[a-z]+')
    IN ('bo', 'dz', 'gan', 'hsn', 'ja', 'km', 'lo', 'lzh', 'my', 'shn', 'th', 'wuu', 'yue', 'zh',
        'bod', 'cmn', 'dzo', 'jpn', 'khm', 'lao', 'mya', 'tha', 'zho');

-- Words between single spaces as written, or characters (letters with their marks).
CREATE MACRO written_words(words, tag) AS CASE
  WHEN unspaced(tag) THEN len(regexp_extract_all(words, '\p{L}\p{M}*|\p{N}'))
  ELSE length(words) - length(replace(words, ' ', '')) + 1
END;

-- Words that have a letter or digit, or characters.
CREATE MACRO spoken_words(words, tag) AS
  len(regexp_extract_all(words, CASE WHEN unspaced(tag) THEN '\p{L}\p{M}*|\p{N}' ELSE '[\p{L}\p{M}\p{N}_'']+' END));

-- The text as leakage checks compare it (manifests/linked/same.py): casefolded words of letters, marks and digits of any
-- script in NFKC, one space between them. Its first case is the quick one: most texts are ASCII.
CREATE MACRO plain_words(words) AS CASE
  WHEN NOT regexp_matches(words, '[^\x00-\x7f]') THEN trim(regexp_replace(lower(words), '[^a-z0-9]+', ' ', 'g'))
  ELSE same_text(words)
END;

-- Whether a text has a number. Its first case is the quick one: texts of ASCII.
CREATE MACRO has_number(words) AS CASE
  WHEN strlen(words) = length(words) THEN
    contains(words, '0') OR contains(words, '1') OR contains(words, '2') OR contains(words, '3') OR contains(words, '4')
    OR contains(words, '5') OR contains(words, '6') OR contains(words, '7') OR contains(words, '8') OR contains(words, '9')
  ELSE regexp_matches(words, '\p{N}')
END;

-- The first 24 characters of plain_words; all of them, if they are fewer, perhaps with a space at their end. Its first case
-- is the quick one: they and the next one are letters, digits and single spaces of scripts whose letters stay as they are
-- but for their case, or that have none.
CREATE MACRO first_words(words) AS CASE
  WHEN regexp_full_match(left(words, 25), '(?:[0-9A-Za-zÀ-ÖØ-Þà-öø-ÿĀ-įıĴ-ľŁ-ňŊ-žЀ-џא-תء-غف-ي가-힣]+(?: [0-9A-Za-zÀ-ÖØ-Þà-öø-ÿĀ-įıĴ-ľŁ-ňŊ-žЀ-џא-תء-غف-ي가-힣]+)*|[0-9A-Za-zÀ-ÖØ-Þà-öø-ÿĀ-įıĴ-ľŁ-ňŊ-žЀ-џא-תء-غف-ي가-힣ぁ-ゖァ-ヺー一-鿿]+) ?') THEN lower(left(words, 24))
  ELSE left(plain_words(words), 24)
END;

-- The same without the spaces.
CREATE MACRO plain_text(words) AS CASE
  WHEN NOT regexp_matches(words, '[^a-zA-Z0-9 '']') THEN replace(replace(lower(words), ' ', ''), '''', '')
  ELSE replace(plain_words(words), ' ', '')
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
