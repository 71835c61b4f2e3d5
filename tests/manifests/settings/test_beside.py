from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import SettingsError
from manifests.settings.beside import file_beside


@pytest.mark.parametrize("name", ["q.sql", "below/q.sql", "./q.sql", "not-there.sql"])
def test_a_file_in_the_folder_or_below_it(tmp_path: Path, name: str) -> None:
    assert file_beside(tmp_path, name, where="`select`") == tmp_path / name


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../q.sql",
        "../../etc/passwd",
        "below/../../q.sql",
        "~/q.sql",
        "C:\\q.sql",
        "link.sql",
        "out/q.sql",
    ],
)
def test_what_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "q.sql").write_text("SELECT 'secret'")
    (folder / "link.sql").symlink_to(tmp_path / "q.sql")
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(SettingsError, match=r"`select` names .* expected a file in .* or below it") as error:
        file_beside(folder, name, where="`select`")
    assert "secret" not in str(error.value)


def test_a_folder_that_is_a_link_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "q.sql").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert file_beside(tmp_path / "link", "q.sql", where="`select`").is_file()
