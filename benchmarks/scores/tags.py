"""What YAMNet hears in named sounds (tuxpaint, sonicpi) against their labels in the ontology.

Two countings: a label of the clip itself, and `_or_parent`, where what the label is a kind of counts too (`Animal` for
a dog): classifiers put the general before the particular. Names that YAMNet does not have cannot be hit.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, row
from curation.passes.base import cut_audio
from curation.tagging import YAMNET, load_tagger
from manifests.ontology import ancestors, ontology
from manifests.rows import cut_rows
from recipes import prepare

CORPORA = ("tuxpaint", "sonicpi")
TOPS = (1, 5)


def named_sounds(name: str) -> list[tuple[np.ndarray, list[str]]]:
    """Samples (N,) and labels of a corpus's clips; without those that are silent or have no name in the ontology."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(name, Path(folder))
        found = []
        for cut in cut_rows(Path(folder) / name):
            labels = [one for one in cut["supervisions"][0]["custom"].get("sound") or [] if one in ontology()]
            samples = cut_audio(cut)
            if labels and np.abs(samples).max() > 1e-3:
                found.append((samples, labels))
        return found


def measure_tags() -> list[Row]:
    """tag_topK_CORPUS and tag_topK_or_parent_CORPUS."""
    tagger = load_tagger(YAMNET)
    rows = []
    for corpus in CORPORA:
        sounds = named_sounds(corpus)
        scores = tagger.tag([samples for samples, _ in sounds])
        ranked = [[tagger.labels[at] for at in np.argsort(-line, kind="stable")] for line in scores]
        wanted = [set(labels) for _, labels in sounds]
        wider = [labels | {above for label in labels for above in ancestors(label)} for labels in wanted]
        rows.append(row(f"tag_clips_{corpus}", len(sounds), None, "clips", better="high"))
        for top in TOPS:
            for credit, truth in (("", wanted), ("_or_parent", wider)):
                right = [bool(labels & set(names[:top])) for labels, names in zip(truth, ranked, strict=True)]
                rows.append(
                    row(f"tag_top{top}{credit}_{corpus}", float(np.mean(right)), None, "share of clips", better="high")
                )
    return rows
