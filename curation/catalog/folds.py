"""Folds of a corpus: each cut is held out once, and cuts that share a recording, speaker or text are never apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from curation.catalog import connect
from curation.text.readings import number_readings
from manifests.errors import InputError
from manifests.linked.folds import fold_rows
from manifests.linked.groups import Linked
from manifests.linked.same import speaker_keys, text_keys

LINKS = ("recording", "speaker", "text")
_CUTS = """
SELECT cut_id, corpus, recording_id, source_path, audio_sha256, speaker, text, language, duration FROM accepted
WHERE duration > 0 AND ($corpus IS NULL OR corpus = $corpus) ORDER BY cut_id
"""


def corpus_folds(
    catalog: Path, folds: int, *, corpus: str | None = None, links: Sequence[str] = LINKS, seed: int = 0
) -> pa.Table:
    """The fold (from 0) of every accepted cut with audio, whatever its split: columns cut_id and fold, by cut_id.

    Folds are as equal in hours as whole groups allow, and the same on every machine.

    Args:
        catalog: the catalog's folder.
        folds: how many, 2 or more.
        corpus: whose cuts; None: of all corpora.
        links: what keeps cuts together: of recording, speaker, text.
        seed: other folds.

    Raises:
        InputError: no such cuts, unknown links, or fewer groups than folds.
    """
    if odd := sorted(set(links) - set(LINKS)):
        raise InputError(f"links hold {odd[0]!r}, expected some of {', '.join(LINKS)}.")
    with connect(catalog, threads=1) as con:
        found = con.execute(_CUTS, {"corpus": corpus}).fetchall()
    if not found:
        raise InputError(f"{catalog} has no accepted cuts with audio{f' of {corpus!r}' if corpus else ''}: no folds.")
    rows, durations = [], []
    for cut, name, recording, source, digest, speaker, text, language, duration in found:
        values = {
            "recording": [f"{name}/{recording}", *filter(None, (source, digest))],
            "speaker": speaker_keys(name, speaker),
            "text": text_keys(text, language, number_readings),
        }
        rows.append(Linked(cut, "", {link: values[link] for link in links}))
        durations.append(float(duration))
    homes = fold_rows(rows, folds, durations, seed=seed)
    return pa.table({"cut_id": [row.id for row in rows], "fold": pa.array(homes, pa.int32())})
