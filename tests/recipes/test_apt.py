"""Fetching Debian packages: stand-ins for apt-get and dpkg-deb, so that every way to fail can be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manifests.errors import DownloadError
from recipes.apt import marker
from recipes.common import fetch_debian

APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$CALLS"
for last; do :; done
case "$*" in
  *--print-uris*) echo "'http://x/$last.deb' ${last}_1.0_all.deb 3000000 SHA256:0" ;;
  *) echo archive > "${last}_1.0_all.deb" ;;
esac
"""
DPKG_DEB = """#!/bin/sh
echo "dpkg-deb $*" >> "$CALLS"
name=$(basename "$2" | cut -d_ -f1)
mkdir -p "$3/usr/share/doc/$name" "$3/usr/lib"
echo "$name" > "$3/usr/share/doc/$name/copyright"
ln -s doc "$3/usr/share/link-$name"
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH whose only apt-get and dpkg-deb are scripts in the returned folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "apt-get", APT_GET)
    script(folder / "dpkg-deb", DPKG_DEB)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def calls(tmp_path: Path) -> list[str]:
    path = tmp_path / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_packages_share_one_root_and_each_has_a_marker(tools: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    root = fetch_debian(["a-data", "b-data"], cache)
    assert root == cache / "debian" / "root"
    assert (root / "usr/share/doc/a-data/copyright").read_text() == "a-data\n"
    assert (root / "usr/share/doc/b-data/copyright").is_file()
    assert (root / "usr/share/link-a-data").is_symlink()
    assert json.loads(marker("a-data", cache).read_text())["file"] == "a-data_1.0_all.deb"
    assert sorted(path.name for path in (cache / "debian").iterdir()) == ["a-data.done", "b-data.done", "root"]


def test_what_is_there_costs_no_process(tools: Path, tmp_path: Path) -> None:
    fetch_debian(["a-data"], tmp_path / "cache")
    before = calls(tmp_path)
    fetch_debian(["a-data"], tmp_path / "cache")
    assert calls(tmp_path) == before
    fetch_debian(["a-data", "b-data"], tmp_path / "cache")
    assert not any("a-data" in line for line in calls(tmp_path)[len(before) :])


def test_apt_is_told_to_drop_no_privileges_so_that_it_does_not_warn(tools: Path, tmp_path: Path) -> None:
    fetch_debian(["a-data"], tmp_path / "cache")
    assert all("APT::Sandbox::User=root" in line for line in calls(tmp_path) if line.startswith("apt-get"))


def test_a_package_that_half_unpacks_is_not_marked_and_is_fetched_again(tools: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    script(tools / "dpkg-deb", DPKG_DEB + "echo 'tar: unexpected end of file' >&2; exit 2\n")
    with pytest.raises(DownloadError, match=r"could not unpack a-data_1\.0_all\.deb: tar: unexpected end of file"):
        fetch_debian(["a-data"], cache)
    assert not marker("a-data", cache).exists()
    assert not (cache / "debian/root/usr").exists()
    script(tools / "dpkg-deb", DPKG_DEB)
    assert (fetch_debian(["a-data"], cache) / "usr/share/doc/a-data/copyright").is_file()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("E: Unable to locate package a-data", "apt-get update"),
        ("E: Can't find a source to download version '1' of 'a-data'", "apt-get update"),
        ("E: Failed to fetch http://x/a.deb  Could not connect to x", "check the network"),
        ("E: Failed to fetch http://x/a.deb  Temporary failure resolving 'x'", "check the network"),
    ],
)
def test_apts_complaint_is_shown_with_what_to_do(tools: Path, tmp_path: Path, said: str, advice: str) -> None:
    script(tools / "apt-get", f'#!/bin/sh\necho "{said}" >&2\nexit 100\n')
    with pytest.raises(DownloadError) as caught:
        fetch_debian(["a-data"], tmp_path / "cache")
    assert "a-data" in str(caught.value) and advice in str(caught.value) and "the setting `source`" in str(caught.value)
    assert said.split("  ", maxsplit=1)[0] in str(caught.value)


def test_offline_after_the_lists_were_read_leaves_no_marker(tools: Path, tmp_path: Path) -> None:
    offline = (
        "case \"$*\" in *--print-uris*) ;; *) echo 'E: Failed to fetch x  Could not connect' >&2; exit 100 ;; esac\n"
    )
    script(tools / "apt-get", APT_GET.replace("for last", offline + "for last"))
    with pytest.raises(DownloadError, match="cannot be reached"):
        fetch_debian(["a-data"], tmp_path / "cache")
    assert not marker("a-data", tmp_path / "cache").exists()


def test_without_apt_the_message_names_the_other_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match=r"`apt-get` is not on this machine.*the setting `source`"):
        fetch_debian(["a-data"], tmp_path / "cache")


def test_a_package_cannot_write_through_a_link_that_leaves_the_root(tools: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "cache" / "debian" / "root"
    (root / "usr").mkdir(parents=True)
    (root / "usr" / "share").symlink_to(outside)  # what an earlier package left
    with pytest.raises(DownloadError, match="writes through a link that leaves"):
        fetch_debian(["one"], tmp_path / "cache")
    assert list(outside.iterdir()) == [] and not marker("one", tmp_path / "cache").is_file()
