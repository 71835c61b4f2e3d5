"""Parts of a catalog and files of a corpus that are not what was written: named, mended, or taken as changed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.catalog import build, catalog_fingerprint, connect
from manifests.digests import SEAL
from manifests.errors import DamagedError
from manifests.files import read_json, write_json
from manifests.rows import CorpusInfo, TextRow, write_corpus
from soundwave.cli import build_app

QUERY = "SELECT text FROM cuts ORDER BY text"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write(tmp_path, name, [f"what {name} {number}" for number in range(20)])
    make(tmp_path)
    return tmp_path


def write(root: Path, name: str, texts: list[str]) -> None:
    rows = [TextRow(f"{name}-{n:02}", name, "train", text, "one", "CC0-1.0") for n, text in enumerate(texts)]
    write_corpus(root / "corpora" / name, CorpusInfo(name, name, "CC0-1.0", "tests"), [], rows, [])


def make(root: Path):
    return build(root / "corpora", root / "labels", root / "catalog")


def flip(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)


def verify(*words: object) -> tuple[int, dict]:
    result = CliRunner().invoke(build_app(), ["catalog", "verify", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def as_before_checksums(root: Path) -> None:
    """The catalog as earlier versions wrote it."""
    index = read_json(root / "catalog" / "catalog.json")
    for part in index["parts"]:
        del part["bytes"], part["xxh3_128"]
    write_json(root / "catalog" / "catalog.json", {name: value for name, value in index.items() if name != SEAL})


@pytest.mark.parametrize("old", [False, True], ids=["with checksums", "of before checksums"])
@pytest.mark.parametrize("place", [0.1, 0.2, 0.3, 0.4])
def test_a_flipped_bit_in_a_part_is_never_read_as_other_rows(root: Path, place: float, old: bool) -> None:
    right = catalog_fingerprint(root / "catalog")
    if old:
        as_before_checksums(root)
    part = next((root / "catalog" / "cuts" / "a").glob("*.parquet"))
    flip(part, place)
    if not old:
        with pytest.raises(DamagedError, match=part.name):
            connect(root / "catalog")
    summary = make(root)
    assert (summary.written, summary.fingerprint) == (4 if old else 2, right)
    assert old or part.name in summary.damaged[0]
    with connect(root / "catalog") as con:
        assert len(con.execute(QUERY).fetchall()) == 40


def test_a_catalog_of_before_checksums_opens_and_the_next_build_gives_it_checksums(root: Path) -> None:
    right = catalog_fingerprint(root / "catalog")
    as_before_checksums(root)
    with connect(root / "catalog") as con:
        assert len(con.execute(QUERY).fetchall()) == 40
    assert verify("--catalog", root / "catalog")[1]["kinds"][0]["no_record"] == 5
    assert make(root).fingerprint == right
    assert verify("--catalog", root / "catalog")[1]["kinds"][0]["checked"] == 5


def test_rows_changed_by_hand_are_taken_and_said_until_they_are_accepted(root: Path) -> None:
    path = root / "corpora" / "a" / "texts.jsonl.gz"
    rows = gzip.decompress(path.read_bytes()).decode().replace("what a 3", "corrected")
    path.write_bytes(gzip.compress(rows.encode()))
    summary = make(root)
    assert str(path) in summary.changed[0] and "`accept`" in summary.changed[0]
    with connect(root / "catalog") as con:
        assert ("corrected",) in con.execute(QUERY).fetchall()
    assert verify("--corpora", root / "corpora")[0] == 1
    assert verify("--corpora", root / "corpora", "--accept")[0] == 0
    assert make(root).changed == ()


@pytest.mark.parametrize("content", [b"", gzip.compress(b""), None], ids=["0 bytes", "no row", "deleted"])
@pytest.mark.parametrize("recorded", [True, False], ids=["with checksums", "of before checksums"])
def test_a_corpus_that_lost_its_rows_is_an_error(root: Path, content: bytes | None, recorded: bool) -> None:
    path = root / "corpora" / "a" / "texts.jsonl.gz"
    if not recorded:
        header = read_json(path.parent / "corpus.json")
        write_json(path.parent / "corpus.json", {key: header[key] for key in header if key not in ("files", SEAL)})
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"texts\.jsonl\.gz"):
        make(root)
    with connect(root / "catalog") as con:
        assert len(con.execute(QUERY).fetchall()) == 40


def test_verify_reads_all_and_says_what_is_damaged_or_missing(root: Path) -> None:
    places = ("--catalog", root / "catalog", "--corpora", root / "corpora")
    code, found = verify(*places)
    assert code == 0 and [row["checked"] for row in found["kinds"]] == [5, 8] and not found["problems"]
    flip(next((root / "catalog" / "cuts" / "a").glob("*.parquet")), 0.5)
    next((root / "catalog" / "cuts" / "b").glob("*.parquet")).unlink()
    code, found = verify(*places)
    assert code == 1 and {key: found["kinds"][0][key] for key in ("checked", "damaged", "missing")} == {
        "checked": 3,
        "damaged": 1,
        "missing": 1,
    }


def test_a_corpus_without_its_mark_does_not_leave_the_catalog_unsaid(root: Path) -> None:
    (root / "corpora" / "a" / "corpus.json").unlink()
    places = [f"--{name}={root / name}" for name in ("corpora", "labels", "catalog")]
    first, second = (CliRunner().invoke(build_app(), ["catalog", "build", *places]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (1, 0)
    assert "left the catalog" in first.stderr and "not in the catalog" in second.stderr
