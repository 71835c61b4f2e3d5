-- means: Cuts by the scores of the label passes speech, mos, hallucination, language and tag: noise, speech in it, bandwidth, how
--   good it sounds, whether the text looks invented or is in another language. Cuts that a pass has not seen: `unscored`.
-- setting: unscored = 'keep'
-- setting: snr_above = 10
-- setting: speech_share_above = 0.2
-- setting: bandwidth_above = 3000
-- setting: ovr_above = 1.5
-- setting: hallucination_below = 0.5
-- setting: other_language_below = 0.8
-- setting: language_letters = 20
-- setting: other_sound_below = 1
-- Each value is a score of one cut, so a rule is a number to try: `soundwave audit --funnel` says what each costs. Sounds keep
-- what is about speech, and texts of fewer letters than language_letters what is about their language. other_sound is how sure
-- the classifier is of its first tag where none of the tags fits the cut's sounds (1 drops nothing but certainty).
WITH scored AS (
  SELECT
    cut_id,
    max(value) FILTER (pass = 'speech' AND name = 'snr') AS snr,
    max(value) FILTER (pass = 'speech' AND name = 'speech_share') AS speech_share,
    max(value) FILTER (pass = 'speech' AND name = 'bandwidth') AS bandwidth,
    max(value) FILTER (pass = 'mos' AND name = 'ovr') AS ovr,
    max(value) FILTER (pass = 'hallucination' AND name = 'hallucination') AS hallucination,
    max(value) FILTER (pass = 'language' AND name = 'language') AS certainty,
    max(value) FILTER (pass = 'language' AND name = 'declared_language') AS declared
  FROM labels
  WHERE pass IN ('speech', 'mos', 'hallucination', 'language')
  GROUP BY cut_id
),
tags AS (
  SELECT cut_id, labels.text AS tag, value, ancestors
  FROM labels
  JOIN ontology ON ontology.name = labels.text
  WHERE pass = 'tag' AND labels.name = 'tag'
),
wanted AS (
  SELECT cut_id, label, ancestors
  FROM (SELECT cut_id, unnest(sound) AS label FROM cuts WHERE len(sound) > 0)
  JOIN ontology ON ontology.name = label
),
tagged AS (
  SELECT
    cut_id,
    CASE
      WHEN bool_or(tag = label OR list_contains(wanted.ancestors, tag) OR list_contains(tags.ancestors, label)) THEN 0
      ELSE max(value)
    END AS other_sound
  FROM tags
  JOIN wanted USING (cut_id)
  GROUP BY cut_id
),
judged AS (
  SELECT
    cut_id,
    recording_id IS NOT NULL AND task <> 'sound' AS spoken,
    getvariable('unscored') = 'keep' AS unseen,
    snr,
    speech_share,
    bandwidth,
    ovr,
    hallucination,
    CASE
      WHEN declared < 1 - certainty + 1e-6
        AND length(regexp_replace(text, '[^\p{L}]', '', 'g')) >= getvariable('language_letters') THEN certainty
      ELSE 0
    END AS other_language,
    certainty IS NOT NULL AND declared IS NOT NULL AS read,
    other_sound,
    recording_id IS NOT NULL AND task = 'sound' AS sounds
  FROM cuts
  LEFT JOIN scored USING (cut_id)
  LEFT JOIN tagged USING (cut_id)
)
SELECT
  cut_id,
  {'value': snr, 'kept': NOT spoken OR coalesce(snr > getvariable('snr_above'), unseen)} AS snr_above,
  {
    'value': speech_share,
    'kept': NOT spoken OR coalesce(speech_share > getvariable('speech_share_above'), unseen)
  } AS speech_share_above,
  {
    'value': bandwidth,
    'kept': NOT spoken OR coalesce(bandwidth > getvariable('bandwidth_above'), unseen)
  } AS bandwidth_above,
  {'value': ovr, 'kept': NOT spoken OR coalesce(ovr > getvariable('ovr_above'), unseen)} AS ovr_above,
  {
    'value': hallucination,
    'kept': NOT spoken OR coalesce(hallucination < getvariable('hallucination_below'), unseen)
  } AS hallucination_below,
  {
    'value': CASE WHEN read THEN other_language END,
    'kept': NOT spoken OR CASE WHEN read THEN other_language < getvariable('other_language_below') ELSE unseen END
  } AS other_language_below,
  {
    'value': other_sound,
    'kept': NOT sounds OR coalesce(other_sound < getvariable('other_sound_below'), unseen)
  } AS other_sound_below
FROM judged
