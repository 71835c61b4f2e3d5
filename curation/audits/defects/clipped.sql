-- severity: warning
-- means: Samples are cut off at full scale, or reach beyond it as a lossy codec leaves them. The pass refuses what is clipped
--   beyond listening (1 % of the samples); this names what is clipped at all.
-- do: Leave the corpus's loud part out where a measure depends on it, or say so.
-- setting: most_clipped = 0.0001
SELECT cut_id, corpus, format('{:.3f} % of the samples clipped', 100 * value) AS found, value AS worst, duration AS seconds
FROM labels JOIN cuts USING (cut_id)
WHERE pass = 'quality' AND name = 'clipped_share' AND value > getvariable('most_clipped')
