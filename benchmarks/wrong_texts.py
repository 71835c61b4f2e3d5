"""How well scores tell texts that are said from others: `docs/alignment.md` explains the figures.

    python -m benchmarks.wrong_texts --corpora demo/corpora [--clips 200] [--noise DB] [--run RUN] [--json]

Clips of `asterisk` (prepared before), each with its own text and with another clip's; and clips of `fillets`, spoken in
Czech, with the English texts. Aligners: pocketsphinx, and with --run a stage-I run. `ours` is what decides
(`curation.align.fit`: the words and the loud moments that no word covers), `peer` the words' mean score alone.

Rows, named ALIGNER/TEXTS/METRIC, in % of the clips; a clip that cannot be aligned is not accepted:
    accepted    at the aligner's own least score, of `own`, `other` and `czech` texts
    error       where as many own texts are refused as others are accepted: the mean of both (equal error rate)
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.rows import Row, row, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curation.align.base import Aligner

KINDS = ("own", "other", "czech")
REFUSED = -1e9


def pairs(corpora: Path, count: int) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Kind of text, cut, text."""
    from manifests.rows import cut_rows

    chosen = random.Random(0)
    spoken, czech = (
        sorted(cut_rows(corpora / name), key=lambda one: str(one["id"])) for name in ("asterisk", "fillets")
    )
    spoken = [cut for cut in spoken if cut["supervisions"][0].get("text")]
    spoken, czech = chosen.sample(spoken, min(count, len(spoken))), chosen.sample(czech, min(count, len(czech)))
    texts = [str(cut["supervisions"][0]["text"]) for cut in spoken]
    for place, text in enumerate(texts):
        yield "own", spoken[place], text
        yield "other", spoken[place - 1], text
        if place < len(czech):
            yield "czech", czech[place], text


def scores(aligner: Aligner, samples: NDArray[np.float32], text: str) -> tuple[float, float]:
    """What decides, and the words' mean score per frame."""
    from curation.align.fit import fit
    from curation.text import normalise
    from manifests.errors import Rejected

    try:
        found = aligner.align(samples, normalise(text, "en"))
    except Rejected:
        return REFUSED, REFUSED
    mean = float(np.average([word.score for word in found], weights=[word.end - word.start for word in found]))
    return min(mean, fit(samples, found)), mean


def noisy(samples: NDArray[np.float32], decibels: float | None) -> NDArray[np.float32]:
    """The clip with white noise at a ratio; None: as it is."""
    if decibels is None:
        return samples
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * float(np.sqrt(np.mean(samples**2))) * np.float32(10 ** (-decibels / 20))


def equal_error(own: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Equal error rate in %."""
    limits = np.unique(np.concatenate([own, others]))
    refused = np.array([np.mean(own < limit) for limit in limits])
    accepted = np.array([np.mean(others >= limit) for limit in limits])
    best = int(np.argmin(np.abs(refused - accepted)))
    return float(50 * (refused[best] + accepted[best]))


def measure(aligner: Aligner, clips: Sequence[tuple[str, dict[str, Any], str]], decibels: float | None) -> list[Row]:
    """The rows of one aligner."""
    from curation.passes.base import cut_audio

    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for kind, cut, text in clips:
        found[kind].append(scores(aligner, noisy(cut_audio(cut), decibels), text))
    known = {kind: np.array(values) for kind, values in found.items()}
    lines = []
    for kind in KINDS:
        accepted = 100 * np.mean(known[kind] >= aligner.least_score, axis=0)
        better = "high" if kind == "own" else "low"
        lines.append(row(f"{aligner.name}/{kind}/accepted", accepted[0], accepted[1], "%", better=better))
        if kind != "own":
            errors = [equal_error(known["own"][:, which], known[kind][:, which]) for which in (0, 1)]
            lines.append(row(f"{aligner.name}/{kind}/error", *errors, "%", better="low"))
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, default=Path("demo/corpora"))
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--noise", type=float, metavar="DB", help="add white noise at this ratio of signal to noise")
    parser.add_argument("--run", type=Path, help="a stage-I run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import soundwave  # noqa: F401  (it adds its aligner to those of curation.align)
    from curation.align import load_aligner

    aligners = [load_aligner("pocketsphinx")]
    if options.run:
        aligners.append(load_aligner("soundwave", model=str(options.run)))
    clips = list(pairs(options.corpora, options.clips))
    rows = [line for aligner in aligners for line in measure(aligner, clips, options.noise)]
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
