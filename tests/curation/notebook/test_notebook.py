"""`curation.open` in a script: rows to tables, the refusals of `soundwave sql`, cuts that play."""

import base64
import io
import subprocess
import sys

import pytest
import soundfile

import curation
from curation.catalog import build
from manifests.errors import MissingFileError, MissingPackageError, QueryError, SettingsError
from tests.curation.catalog.study_folders import write_study_run
from tests.curation.notebook.small import CORPUS, TEXT, make_corpus


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    make_corpus(folder / "corpora")
    build(folder / "corpora", folder / "labels", folder / "catalog")
    return folder / "catalog"


@pytest.fixture
def session(catalog):
    with curation.open(str(catalog)) as opened:
        yield opened


def test_rows_come_as_arrow_pandas_and_dicts(session):
    found = session.sql("SELECT cut_id, duration FROM cuts ORDER BY cut_id")
    assert found.arrow().column_names == ["cut_id", "duration"]
    assert found.pandas()["duration"].sum() == pytest.approx(3.0)
    assert [row["cut_id"] for row in found] == [f"{CORPUS}-one", f"{CORPUS}-two"]
    assert len(found) == 2
    assert f"{CORPUS}-one" in repr(found)


def test_polars_where_it_is_installed(session):
    found = session.sql("SELECT 1 AS one")
    try:
        import polars
    except ImportError:
        with pytest.raises(MissingPackageError, match="polars"):
            found.polars()
    else:
        assert isinstance(found.polars(), polars.DataFrame)


@pytest.mark.parametrize(
    "query",
    ["DROP VIEW cuts", "COPY cuts TO 'x.csv'", "SELECT 1; SELECT 2", "FROM read_text('/etc/passwd')", "ATTACH 'x'"],
)
def test_it_only_reads_the_catalog(session, query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError):
        session.sql(query)
    assert not [*tmp_path.iterdir()]


def test_limits_and_places_are_checked(catalog, tmp_path):
    with pytest.raises(SettingsError):
        curation.open(catalog, memory="much")
    with pytest.raises(MissingFileError):
        curation.open(tmp_path / "nothing")
    with pytest.raises(MissingFileError):
        curation.open(tmp_path)


def test_a_workspace_has_its_catalog(catalog):
    write_study_run(catalog.parent / "study", "one", None)
    with curation.open(catalog.parent) as opened:
        assert opened.catalog.resolve() == catalog.resolve()
        assert len(opened.sql("FROM cuts")) == 2
        assert len(opened.sql("FROM results")) == 0


def test_a_cut_plays_and_its_text_is_text(session):
    cut = session.cut(f"{CORPUS}-one")
    page = cut._repr_html_()
    sound = base64.b64decode(page.split("base64,")[1].split('"')[0])
    samples, rate = soundfile.read(io.BytesIO(sound))
    assert rate == 16000
    assert len(samples) / rate == pytest.approx(cut.row["duration"], abs=0.1)
    assert len(sound) < 16000
    assert TEXT not in page
    assert "&lt;script&gt;" in page


def test_a_table_shows_text_as_text(session):
    page = session.sql("SELECT text, '<b>' AS \"<i>\" FROM cuts")._repr_html_()
    assert "<script>" not in page
    assert "<th>&lt;i&gt;</th>" in page


def test_a_cut_that_is_not_there_and_one_whose_sound_is_gone(session, catalog):
    with pytest.raises(MissingFileError, match="nope"):
        session.cut("nope")
    cut = session.cut(f"{CORPUS}-two")
    cut.row["source_path"] = str(catalog / "<gone>.wav")
    assert "<audio" not in cut._repr_html_()
    assert "&lt;gone&gt;" in cut._repr_html_()


def test_importing_curation_is_cheap():
    program = (
        "import curation, sys; print([name for name in ('duckdb', 'torch', 'numpy', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
