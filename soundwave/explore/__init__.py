"""`soundwave explore`: a local page over catalog, labels, plans, runs and studies.

places     what is looked at: a catalog, and the plans, runs and studies around it
asking     one connection, the product's own (`curation.catalog.connect`), asked by one request at a time
filters    filter boxes and SQL as one condition
cuts       pages of the table, facets and histograms
one_cut    all that is known of one cut
sound      a cut's samples as WAV, in ranges
workshop   a mixture with other shares: its certificate, or why it cannot be had
audits     audits and their rows
studies    results, curves, claims, and what stands behind a point
fitted     a study's fits to draw: a curve or surface along its axes, and its trade-off
guard      token, Host header, content policy: who may ask, and what the page may do
server     the addresses
page/      the page: plain ES modules; page/vendor has what others wrote, with their licences
"""
