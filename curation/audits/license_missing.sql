-- severity: error
-- means: A cut does not say under which licence it may be used.
-- do: Set `license` (an SPDX identifier) in the corpus's recipe.
SELECT
  cut_id,
  corpus,
  'no licence' AS found,
  duration AS worst,
  duration AS seconds
FROM cuts
WHERE trim(coalesce(license, '')) = ''
