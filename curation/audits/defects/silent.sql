-- severity: warning
-- means: Nothing is heard: no sample is louder than the floor.
-- do: Leave the cut out; `accepted` does.
-- setting: floor_dbfs = -60
SELECT cut_id, corpus, format('peak {:.0f} dBFS', 20 * log10(greatest(value, 1e-6))) AS found, -value AS worst, duration AS seconds
FROM labels JOIN cuts USING (cut_id)
WHERE pass = 'quality' AND name = 'peak' AND value < 10 ** (getvariable('floor_dbfs') / 20)
