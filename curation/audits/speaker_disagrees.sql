-- severity: warning
-- means: A cut sounds less like the other cuts of its speaker than like those of another: the label may be wrong. Only says
--   something after the pass `speaker`, of speakers with three cuts and more.
-- do: Listen to the worst ones; correct the speaker in the recipe, or leave the cuts out. Short and noisy cuts mislead.
-- setting: least_margin = 0.1
-- setting: least_cuts = 3
WITH voices AS (
  SELECT corpus, model, cut_id, speaker, vector, duration
  FROM accepted
  JOIN embeddings USING (cut_id)
  WHERE pass = 'speaker' AND speaker IS NOT NULL
  QUALIFY count(*) OVER (PARTITION BY corpus, model, speaker) >= getvariable('least_cuts')
),
whole AS (
  SELECT
    corpus,
    list({cut_id: cut_id, speaker: speaker, duration: duration} ORDER BY cut_id) AS rows,
    own_and_other_voice(list(vector ORDER BY cut_id), list(speaker ORDER BY cut_id)) AS found
  FROM voices
  GROUP BY corpus, model
),
told AS (
  SELECT corpus, unnest(rows) AS cut, unnest(found) AS heard FROM whole
)
SELECT
  cut.cut_id AS cut_id,
  corpus,
  cut.speaker AS speaker,
  heard.other AS sounds_as,
  heard.own AS own_likeness,
  heard.likeness AS other_likeness,
  format('sounds as {} ({:.2f}), less as its own {} ({:.2f})', heard.other, heard.likeness, cut.speaker, heard.own) AS found,
  heard.likeness - heard.own AS worst,
  cut.duration AS seconds
FROM told
WHERE heard.likeness - heard.own >= getvariable('least_margin')
QUALIFY row_number() OVER (PARTITION BY cut.cut_id ORDER BY heard.likeness - heard.own DESC) = 1
