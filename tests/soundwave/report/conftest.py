"""One small workspace for all report tests: they only read it."""

import pytest


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    from tests.soundwave.report.small_workspace import small_workspace

    return small_workspace(tmp_path_factory.mktemp("small"))
