"""A catalog on S3, against a server of its own in a thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation.audit import run_audits
from curation.catalog import build, catalog_fingerprint, connect
from curation.duck import records, run_select
from curation.interchange.export import export_shar
from curation.interchange.jsonl import export_jsonl
from curation.plan import check_plan, make_plan
from curation.plan.mixture import Mixture
from curation.reader import PlanReader
from curation.reader.rows import with_rows
from curation.storage import is_remote, resolve, sibling
from manifests.errors import InputError, MissingFileError, MissingPackageError, QueryError
from manifests.plans import read_lock
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, mono_cut, text_row, write_catalog, write_corpus_lines

pytest.importorskip("s3fs")
pytest.importorskip("upath")
BUCKET = "s3://data"
AUDITS = ("duplicates", "empty_text", "leakage_recording", "license_missing", "text_rate")  # all read as these do
ASKED = {
    "stage": "sft",
    "query": "SELECT cut_id, task AS domain FROM accepted WHERE split = 'train'",
    "unit": "samples",
    "epochs": 1,
    "shares": {"asr": 1},
    "batch": {"seconds": 3},
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto_server = pytest.importorskip("moto.server")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty bucket; nothing of the machine's own settings for S3 is seen."""
    settings = {"AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in (settings | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()  # one of another module's server
    root: Any = resolve(BUCKET)
    root.fs.mkdir("data")
    yield root
    root.fs.rm("data", recursive=True)


def corpora(folder: Path, *names: str) -> Path:
    for name in names or ("syn",):
        write_corpus_lines(folder / "corpora" / name, [mono_cut(f"{name}-{n}", duration=1.0 + n) for n in range(5)])
    (folder / "labels").mkdir(exist_ok=True)
    return folder


def rows(catalog: Path, sql: str) -> list[dict[str, Any]]:
    with connect(catalog) as con:
        return records(con.execute(sql))


def sent(here: Path, there: Path) -> Path:
    """A local folder copied to the bucket."""
    for path in here.rglob("*"):
        if path.is_file():
            (there / str(path.relative_to(here))).write_bytes(path.read_bytes())
    return there


@pytest.mark.parametrize("path", ["s3://data/x", Path("s3://data/x"), "s3:/data/x"])
def test_an_s3_path_is_known_however_it_was_written(bucket: Path, path: Path | str) -> None:
    assert is_remote(path)
    assert str(resolve(path)) == "s3://data/x"
    assert str(resolve(resolve(path)) / "y") == "s3://data/x/y"


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert resolve(tmp_path) == tmp_path
    assert not is_remote(tmp_path / "s3:" / "data")


def test_a_catalog_built_on_s3_is_the_one_on_disk(bucket: Path, tmp_path: Path) -> None:
    corpora(tmp_path)
    there = build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    here = build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert there.fingerprint == here.fingerprint == catalog_fingerprint(bucket / "catalog")
    asked = "SELECT * FROM cuts ORDER BY cut_id"
    assert rows(bucket / "catalog", asked) == rows(tmp_path / "catalog", asked)
    assert export_jsonl(bucket / "catalog", tmp_path / "back.jsonl") == 5


def test_only_what_changed_is_sent_again(bucket: Path, tmp_path: Path) -> None:
    corpora(tmp_path, "one", "two")
    first = build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    assert (first.written, first.reused) == (4, 0)
    corpora(tmp_path, "two")
    write_corpus_lines(tmp_path / "corpora" / "two", [mono_cut("two-new")])
    second = build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    assert (second.written, second.reused) == (2, 2)
    assert [row["cut_id"] for row in rows(bucket / "catalog", "FROM cuts WHERE starts_with(cut_id, 'two')")] == [
        "two-new"
    ]
    kept = {str(path).removeprefix(f"{BUCKET}/catalog/") for path in (bucket / "catalog").glob("cuts/*/*.parquet")}
    assert kept == {part.path for part in second.parts if part.table == "cuts"}


def test_corpora_on_s3_are_read_where_they_lie(bucket: Path, tmp_path: Path) -> None:
    corpora(tmp_path)
    there = sent(tmp_path / "corpora", bucket / "corpora")
    summary = build(there, bucket / "labels", tmp_path / "catalog")
    assert summary.fingerprint == build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "other").fingerprint
    assert build(there, bucket / "labels", tmp_path / "catalog").written == 0


def test_a_build_that_fails_leaves_the_old_catalog(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora(tmp_path)
    before = build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    write_corpus_lines(tmp_path / "corpora" / "syn", [mono_cut("syn-new")])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("curation.catalog.parts._copy", full)
    with pytest.raises(OSError, match="No space left"):
        build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    assert catalog_fingerprint(bucket / "catalog") == before.fingerprint
    assert len(rows(bucket / "catalog", "FROM cuts")) == 5


def test_a_query_reads_the_catalog_on_s3_and_nothing_else(bucket: Path, tmp_path: Path) -> None:
    corpora(tmp_path)
    build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    (bucket / "secret.txt").write_text("secret")
    with connect(bucket / "catalog") as con:
        for sql in (
            "FROM read_text('s3://data/secret.txt')",
            "FROM read_text('/etc/passwd')",
            "FROM read_parquet('s3://other/x.parquet')",
            "FROM glob('s3://data/*')",
        ):
            with pytest.raises(QueryError, match="test: "):
                run_select(con, sql, where="test")
        assert run_select(con, "SELECT count(*) FROM cuts", where="test").fetchall() == [(5,)]


def test_audits_plans_and_readers_work_on_s3(bucket: Path, tmp_path: Path) -> None:
    cuts = [cut(f"a{n}", duration=1.0 + n) for n in range(9)] + [text_row("q"), cut("bare", license=None)]
    here = write_catalog(tmp_path / "catalog", cuts)  # without catalog.json, as another tool writes it
    there = sent(here, bucket / "catalog")
    found, expected = (
        [(finding.name, finding.rows, finding.examples) for finding in run_audits(lies, only=AUDITS)]
        for lies in (there, here)
    )
    assert found == expected
    assert ("license_missing", 1) in [finding[:2] for finding in found]
    asked = check_settings(Mixture, ASKED | {"shares": {"asr": 0.9, "qa": 0.1}, "max_repeats": 9}, where="test")
    lock = make_plan(asked, there, tmp_path / "plan")
    assert lock.plan_sha256 == make_plan(asked, here, tmp_path / "same").plan_sha256
    assert read_lock(tmp_path / "plan").catalog == f"{BUCKET}/catalog"
    assert check_plan(tmp_path / "plan", Path(lock.catalog)) == lock
    reader = PlanReader(tmp_path / "plan")
    texts = {row["cut_id"]: row["text"] for _, pairs in with_rows(reader, reader.catalog) for _, row in pairs}
    assert texts == {row["cut_id"]: row["text"] for row in cuts if row["cut_id"] in texts}
    assert len(texts) == sum(domain.unique for domain in lock.domains.values())


def test_plans_and_audio_are_written_to_disk(bucket: Path, tmp_path: Path) -> None:
    asked = check_settings(Mixture, ASKED, where="test")
    with pytest.raises(InputError, match="local folder"):
        make_plan(asked, bucket / "catalog", bucket / "plan")
    with pytest.raises(InputError, match="local folder"):
        export_shar(tmp_path, Path("s3://data/shar"))


def test_manifests_are_exported_to_s3(bucket: Path, tmp_path: Path) -> None:
    corpora(tmp_path)
    build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
    assert export_jsonl(tmp_path / "catalog", Path("s3://data/out/back.jsonl")) == 5
    assert export_jsonl(tmp_path / "catalog", tmp_path / "back.jsonl") == 5
    assert (bucket / "out" / "back.jsonl").read_bytes() == (tmp_path / "back.jsonl").read_bytes()


def test_what_is_not_there_is_said(bucket: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"s3://data/nothing.*catalog build"):
        connect(bucket / "nothing")
    corpora(tmp_path)
    summary = build(tmp_path / "corpora", tmp_path / "labels", bucket / "catalog")
    part = next(part for part in summary.parts if part.table == "cuts")
    (bucket / "catalog" / part.path).write_bytes(b"")
    with pytest.raises(MissingFileError, match="empty"):
        connect(bucket / "catalog")


def test_a_store_that_does_not_let_us_in_is_said(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    for opened in (connect, catalog_fingerprint, lambda path: sibling(path, "mixtures")):
        with pytest.raises(MissingFileError, match=r"s3://data.*cannot be reached.*AWS_ACCESS_KEY_ID"):
            opened(Path("s3://data/catalog"))
    s3fs.S3FileSystem.clear_instance_cache()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingPackageError, match=r"soundwave-lab\[s3\]"):
        resolve("s3://data/x")


def test_the_commands_take_s3_paths(bucket: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    from soundwave.cli import build_app

    def run(*words: object) -> Any:
        capsys.readouterr()
        build_app()([*map(str, words)], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    corpora(tmp_path)
    at = ("--catalog", f"{BUCKET}/catalog", "--json")
    built = run("catalog", "build", "--corpora", tmp_path / "corpora", "--labels", tmp_path / "labels", *at)
    assert built["parts_written"] == 2
    assert run("sql", "SELECT count(*) AS n FROM cuts", *at) == [{"n": 5}]
    assert {finding["name"] for finding in run("audit", "duration_rule", "duplicates", *at)} == {
        "duration_rule",
        "duplicates",
    }
