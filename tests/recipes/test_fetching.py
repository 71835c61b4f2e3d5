"""Downloads over a real connection: cut in the middle, resumed, checked, and unpacked nowhere else."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from manifests.errors import DownloadError, SettingsError
from recipes import fetching, registry
from recipes.fetching import Download, fetch, unpack

Members = dict[str, bytes]


class Server:
    """Files over HTTP; the first answers of a file end after so many bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []  # bytes of the next answers, before the connection is cut
        self.ranges = True
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        data = self.files.get(request.path[1:])
        if data is None:
            request.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        if start and start >= len(data):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else len(data)
        request.wfile.write(data[start:end])
        request.close_connection = True

    def download(self, name: str, data: bytes, **facts: object) -> Download:
        self.files[name] = data
        url = f"http://127.0.0.1:{self.http.server_port}/{name}"
        return Download(url, f"sha256:{hashlib.sha256(data).hexdigest()}", **facts)  # type: ignore[arg-type]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


def tarred(members: Members, links: dict[str, str] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return packed.getvalue()


NOISE = np.random.default_rng(0).bytes(200_000)


def test_a_download_goes_on_where_it_was_cut(server: Server, tmp_path: Path) -> None:
    data = tarred({"Made/a.bin": NOISE})
    one = server.download("a.tar.gz", data, size=len(data), inside="Made")
    server.cuts = [70_000, 1_000]
    assert fetch([one], tmp_path / "root") == tmp_path / "root" / "Made"
    assert (tmp_path / "root" / "Made" / "a.bin").read_bytes() == NOISE
    assert server.asked == [None, "bytes=70000-", "bytes=71000-"]
    assert sorted(path.name for path in (tmp_path / "root" / ".fetch").iterdir()) == ["a.tar.gz.done"]
    fetch([one], tmp_path / "root")
    assert len(server.asked) == 3  # what is there is not asked for again


def test_the_next_command_goes_on_too(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TRIES", 1)
    one = server.download("a.tar.gz", tarred({"a.bin": NOISE}))
    server.cuts = [70_000, 0]
    with pytest.raises(DownloadError, match=r"cannot be fetched .*70,000 bytes are there.*goes on from there"):
        fetch([one], tmp_path)
    fetch([one], tmp_path)
    assert server.asked[-1] == "bytes=70000-"
    assert (tmp_path / "a.bin").read_bytes() == NOISE


def test_a_server_that_cannot_go_on_sends_all_again(server: Server, tmp_path: Path) -> None:
    one = server.download("a.tar.gz", tarred({"a.bin": NOISE}))
    server.cuts, server.ranges = [70_000], False
    fetch([one], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == NOISE


def test_another_file_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    one = server.download("a.tar.gz", tarred({"a.bin": NOISE}))
    server.files["a.tar.gz"] = tarred({"a.bin": b"another"})
    with pytest.raises(DownloadError, match="sent another file than the recipe names: sha256"):
        fetch([one], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".fetch"]
    assert list((tmp_path / ".fetch").iterdir()) == []


def test_what_the_server_lacks_and_no_server_are_said(server: Server, tmp_path: Path) -> None:
    one = server.download("a.tar.gz", b"")
    del server.files["a.tar.gz"]
    with pytest.raises(DownloadError, match="the server says 404"):
        fetch([one], tmp_path)
    closed = Download("http://127.0.0.1:9/a.tar.gz", "md5:0")
    with pytest.raises(DownloadError, match=r"127.0.0.1:9/a.tar.gz cannot be fetched"):
        fetch([closed], tmp_path)


@pytest.mark.parametrize(
    "archive",
    [
        tarred({"../out.txt": b"x"}),
        tarred({"/tmp/../../out.txt": b"x"}),
        tarred({"in/out.txt": b"x"}, {"way": ".."}),
        tarred({}, {"way": "/etc"}),
    ],
    ids=["above", "absolute", "link above", "link to a folder of the system"],
)
def test_no_archive_writes_outside(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(archive)
    try:
        unpack(tmp_path / "a.tar.gz", tmp_path / "root", name="a.tar.gz")
    except DownloadError as error:
        assert "would be written outside of" in str(error)
    made = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert made <= {"a.tar.gz", "root"}
    assert not any(path.is_symlink() for path in (tmp_path / "root").rglob("*"))


def test_zips_are_unpacked_and_stay_inside(tmp_path: Path) -> None:
    for name, member in (("good.zip", "in/a.txt"), ("bad.zip", "../a.txt")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "x")
    unpack(tmp_path / "good.zip", tmp_path / "root", name="good.zip")
    assert (tmp_path / "root" / "in" / "a.txt").read_text() == "x"
    with pytest.raises(DownloadError, match=r"bad.zip has a member that would be written outside"):
        unpack(tmp_path / "bad.zip", tmp_path / "root", name="bad.zip")
    (tmp_path / "half.tar.gz").write_bytes(tarred({"a.bin": NOISE})[:1000])
    with pytest.raises(DownloadError, match="is no whole tar or zip"):
        unpack(tmp_path / "half.tar.gz", tmp_path / "root", name="half.tar.gz")


def test_parts_are_named_and_only_open_corpora_are_fetched(server: Server, tmp_path: Path) -> None:
    one, two = (server.download(f"{name}.tar.gz", tarred({name: b"x"}), part=name) for name in ("one", "two"))
    fetch([one, two], tmp_path, parts=["two"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fetch", "two"]
    with pytest.raises(SettingsError, match="parts name three, expected some of one, two"):
        fetch([one, two], tmp_path, parts=["three"])
    assert registry.fetch_source("asterisk") is None  # its packages are fetched in any case
    wanted = {file.part for file in registry.find("librispeech").downloads if not file.asked}
    assert len(wanted) == 7 and "train-clean-5" not in wanted
