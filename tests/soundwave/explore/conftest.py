"""A workspace that tests only read, one that they may change, and a client with the token."""

import shutil

import pytest

TOKEN, ADDRESS = "the-token", "http://127.0.0.1:8017"


@pytest.fixture(scope="session")
def explored(tmp_path_factory):
    from tests.soundwave.explore.explored import explored_workspace

    return explored_workspace(tmp_path_factory.mktemp("explored") / "workspace")


@pytest.fixture
def own(explored, tmp_path):
    """A copy for a test that writes."""
    return shutil.copytree(explored, tmp_path / "workspace")


@pytest.fixture
def client_of():
    """A client of a server over a workspace or catalog."""
    from starlette.testclient import TestClient

    from curation.duck import Limits
    from soundwave.explore.asking import Explorer
    from soundwave.explore.places import find_explored
    from soundwave.explore.server import build_server

    opened = []

    def made(place, *, token=TOKEN, limits=None):
        explorer = Explorer(find_explored(place), limits or Limits(60, 10**9))
        opened.append(explorer)
        headers = {"X-Soundwave-Token": token}
        return TestClient(build_server(explorer, TOKEN), base_url=ADDRESS, headers=headers, follow_redirects=False)

    yield made
    for explorer in opened:
        explorer.close()


@pytest.fixture(scope="session")
def reader(explored):
    """A client over the workspace that nobody changes."""
    from starlette.testclient import TestClient

    from curation.duck import Limits
    from soundwave.explore.asking import Explorer
    from soundwave.explore.places import find_explored
    from soundwave.explore.server import build_server

    explorer = Explorer(find_explored(explored), Limits(60, 10**9))
    yield TestClient(build_server(explorer, TOKEN), base_url=ADDRESS, headers={"X-Soundwave-Token": TOKEN})
    explorer.close()
