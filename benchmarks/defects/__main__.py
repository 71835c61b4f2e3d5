"""Are the defects that real corpora have found by SQL over the labels?

    python -m benchmarks.defects --json
    python -m benchmarks.defects --catalog demo/catalog

Tux Paint's stamps and captions and the English prompts of asterisk are prepared from Debian's packages and labelled
(`quality`; `agree` for English), then the audits of `curation/audits/defects` select rows, and these are compared with
what `benchmarks.defects.truth` finds in the packages' files by other means.

Rows, of each defect, and of captions' languages where there are any (NAME_es):
    NAME_precision   of the rows that the audit names, those that have the defect
    NAME_recall      of the rows that have the defect, those that the audit names
    NAME_rows        how many have it
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.defects import truth
from benchmarks.rows import Row, row, show
from curation.audit import AUDITS, run_audits
from curation.catalog import build
from curation.passes import make_pass
from curation.passes.runner import run_pass
from manifests.files import cache_dir
from recipes import prepare

CORPORA = ("tuxpaint", "tuxpaint_captions", "asterisk")
DEFECTS = AUDITS / "defects"
ALL = 100_000  # rows of an audit, more than there are


def found(catalog: Path) -> dict[str, set[str]]:
    """Defect -> ids of the rows that its audit names."""
    names = sorted(path.stem for path in DEFECTS.glob("*.sql"))
    findings = run_audits(catalog, folders=[DEFECTS], only=names, examples=ALL)
    return {finding.name: {str(one["cut_id"]) for one in finding.examples} for finding in findings}


def real(root: Path) -> dict[str, set[str]]:
    """Defect -> ids of the rows that have it; root: where the packages are unpacked."""
    sounds, spoken = truth.stamps(root)
    texts = truth.captions(spoken)
    usable = {key: path for key, path in spoken.items() if key in texts}
    rows = {
        "silent": truth.silent(sounds),
        "one_word": truth.one_word(texts),
        "no_partner": truth.no_partner_captions(spoken, texts) | truth.no_partner_prompts(root),
        "unsaid_article": {key for key, said in truth.articles().items() if not said},
    }
    for name, finder in (("clipped", truth.clipped), ("copies", truth.copies)):
        keys = finder(usable)
        rows |= {f"{name}_{code}": some for code, some in truth.by_language(keys, usable) if some}
    return rows


def compared(there: dict[str, set[str]], named: dict[str, set[str]], spoken: dict[str, Path]) -> Iterator[Row]:
    """Precision and recall of each defect, where the truth is known."""
    judged = {
        "silent": {key for key in named["silent"] if key.startswith("tuxpaint-")},
        "one_word": {key for key in named["one_word"] if key.startswith("tuxpaint_captions-")},
        "no_partner": {key for key in named["no_partner"] if not key.startswith("tuxpaint-")},
        "unsaid_article": {*truth.articles()},
    }
    for name, keys in sorted(there.items()):
        audit, _, code = name.rpartition("_") if name.startswith(("clipped_", "copies_")) else (name, "", "")
        got = (
            named[audit] & {key for key, path in spoken.items() if truth.language(path) == code}
            if code
            else named[audit]
        )
        got = got & judged[name] if name in judged else got
        yield row(f"{name}_precision", len(got & keys) / len(got) if got else 0.0, None, "share", better="high")
        yield row(f"{name}_recall", len(got & keys) / len(keys) if keys else 0.0, None, "share", better="high")
        yield row(f"{name}_rows", len(keys), None, "rows")


def made(folder: Path) -> Path:
    """The catalog of CORPORA, prepared and labelled in a folder."""
    for corpus in CORPORA:
        info = prepare(corpus, folder / "corpora")
        for name in ("quality", "agree") if corpus != "tuxpaint" else ("quality",):
            run_pass(make_pass(name), folder / "corpora" / info.name, folder / "labels")
    build(folder / "corpora", folder / "labels", folder / "catalog")
    return folder / "catalog"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", type=Path, help="One that holds the corpora and labels. Default: they are made.")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    root = cache_dir() / "debian" / "root"
    with tempfile.TemporaryDirectory() as temporary:
        catalog = options.catalog or made(Path(temporary))
        show(list(compared(real(root), found(catalog), truth.stamps(root)[1])), as_json=options.json)


if __name__ == "__main__":
    main()
