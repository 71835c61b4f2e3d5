-- severity: warning
-- means: A labelling pass found the audio silent or clipped. Such cuts are kept as reject rows and stay out of `accepted`.
-- do: Nothing for mixtures that select from `accepted`. The audit refused_in_plan tells when one was drawn all the same.
SELECT
  rejects.cut_id,
  rejects.corpus,
  format('{}: {}', reason, coalesce(detail, '')) AS found,
  coalesce(duration, 0) AS worst,
  duration AS seconds
FROM (SELECT DISTINCT ON (cut_id) * FROM rejects WHERE reason IN ('silent', 'clipped') ORDER BY cut_id, reason) AS rejects
LEFT JOIN cuts USING (cut_id)
