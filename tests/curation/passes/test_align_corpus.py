"""The align pass over real prompts on real workers: none is lost, and nearly all have words or a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.catalog import build, connect
from curation.passes.align import Align
from curation.passes.runner import run_pass
from recipes import debian_asterisk, registry
from recipes.common import in_parallel

EVERY = 8  # of the corpus's clips; the whole corpus: `soundwave label align --corpus asterisk`
ACCOUNT = """
    WITH aligned AS (SELECT DISTINCT cut_id FROM words),
         refused AS (SELECT cut_id, reason FROM rejects WHERE pass = 'align')
    SELECT count(*) AS clips,
           count(aligned.cut_id) AS aligned,
           count(refused.cut_id) AS refused,
           count(*) FILTER (aligned.cut_id IS NOT NULL AND refused.cut_id IS NOT NULL) AS both,
           count(*) FILTER (aligned.cut_id IS NULL AND refused.reason IS NULL) AS lost,
           (SELECT count(*) FROM words JOIN refused USING (cut_id)) AS words_of_refused
    FROM cuts LEFT JOIN aligned USING (cut_id) LEFT JOIN refused USING (cut_id)
"""


@pytest.mark.assets
def test_every_prompt_is_aligned_or_refused_with_a_reason(
    debian_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        debian_asterisk, "in_parallel", lambda work, keys, title: in_parallel(work, keys[::EVERY], title=title)
    )
    info = registry.prepare("asterisk", tmp_path / "corpora", source=debian_root)
    summary = run_pass(Align(), tmp_path / "corpora" / "asterisk", tmp_path / "labels", workers=2, shard_size=16)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    with connect(tmp_path / "catalog") as con:
        clips, aligned, refused, both, lost, words_of_refused = con.execute(ACCOUNT).fetchall()[0]
        reasons = con.execute("SELECT DISTINCT reason FROM rejects WHERE pass = 'align'").fetchall()
    assert (clips, both, lost, words_of_refused) == (info.cuts, 0, 0, 0)
    assert aligned + refused == clips > 50
    assert (aligned, refused) == (summary.labelled, summary.rejected)
    assert aligned >= 0.9 * clips
    assert {reason for (reason,) in reasons} <= {"low_score", "aligner_failed", "transcript_too_long"}
