"""`soundwave explore`: what it opens, and what it says of places and ports that it cannot."""

import socket

import pytest
from typer.testing import CliRunner

from manifests.errors import InputError, MissingFileError, SettingsError
from soundwave.cli import build_app
from soundwave.explore.places import find_explored
from soundwave.explore.server import listen


def said(*words):
    """The error that the command ends with: exit code 2, as main() says it."""
    done = CliRunner().invoke(build_app(), ["explore", *map(str, words)])
    assert isinstance(done.exception, InputError), done.output
    return str(done.exception)


def test_a_catalog_or_the_workspace_that_holds_it(explored):
    workspace, catalog = find_explored(explored), find_explored(explored / "catalog")
    assert workspace.catalog == catalog.catalog == explored / "catalog"
    assert workspace.studies is not None and catalog.studies is None
    assert workspace.plans == catalog.plans == explored / "mixtures"


def test_a_workspace_of_ablations_knows_the_catalog_of_its_runs(explored):
    found = find_explored(explored / "ablation")
    assert found.catalog == explored / "catalog" and found.studies is not None


def test_places_that_are_none(tmp_path, explored):
    (tmp_path / "file").write_text("x")
    assert "nowhere" in said(tmp_path / "nowhere")
    assert "file" in said(tmp_path / "file")
    for foreign in (tmp_path, explored / "corpora"):
        message = said(foreign)
        assert str(foreign) in message and "neither a catalog nor a workspace" in message and "soundwave" in message
    assert "mine.yaml" in said(explored, "--mixture", tmp_path / "mine.yaml")


def test_a_damaged_catalog_is_told_at_once(own):
    part = next((own / "catalog" / "cuts").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    assert part.name in said(own, "--port", "0")


def test_a_port_in_use_and_an_address_of_elsewhere():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port}.*`port`"):
            listen("127.0.0.1", port)
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)
    with pytest.raises(SettingsError, match="no such name"):
        listen("no such name", 0)


def test_it_listens_on_this_machine_alone_unless_asked(explored, monkeypatch):
    asked = []
    monkeypatch.setattr("soundwave.explore.server.serve", lambda *words: asked.append(words))
    done = CliRunner().invoke(build_app(), ["explore", str(explored), "--port", "0"])
    assert done.exit_code == 0, done.output
    _, bound, token, names = asked[0]
    assert isinstance(bound, socket.socket) and names == ("127.0.0.1",) and len(token) >= 32
    assert f"/?token={token}" in done.output and "http://127.0.0.1:" in done.output


def test_a_workspace_without_a_catalog(tmp_path):
    with pytest.raises(MissingFileError, match="catalog"):
        find_explored(tmp_path)
