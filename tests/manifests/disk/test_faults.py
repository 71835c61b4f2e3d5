"""What libraries say when the system refuses to write, as one error. The writers are real, and the limit is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.errors import DiskError, ManifestError
from manifests.files import atomic_folder, atomic_write, write_text

LIMIT = 20_000
# Every library that writes for us: in a process whose files may have 20,000 bytes.
WRITERS = """
import json, resource, signal, sys
from pathlib import Path
import numpy as np
from manifests.errors import DiskError
from manifests.files import atomic_folder, atomic_write

noise = np.random.default_rng(0).standard_normal(400_000).astype("f4") * 0.1
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def parquet(path):
    import pyarrow as pa, pyarrow.parquet as pq
    pq.write_table(pa.table({"a": noise}), path)
def duckdb_parquet(path):
    import duckdb
    duckdb.connect().execute(f"COPY (SELECT random() AS a FROM range(400000)) TO '{path}' (FORMAT parquet)")
def duckdb_lines(path):
    import duckdb
    duckdb.connect().execute(f"COPY (SELECT random() AS a FROM range(200000)) TO '{path}' (FORMAT csv)")
def matrix(path):
    np.save(path, noise)
def tensors(path):
    import torch
    from safetensors.torch import save_file
    save_file({"a": torch.from_numpy(noise)}, path)
def pickled(path):
    import torch
    torch.save(torch.from_numpy(noise), path)
def sound(path):
    import soundfile
    soundfile.write(path, noise, 16000, format="FLAC")
def packed(path):
    import gzip
    with gzip.open(path, "wb") as stream:
        stream.write(noise.tobytes())
def archive(path):
    import io, tarfile
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("a")
        info.size = noise.nbytes
        tar.addfile(info, io.BytesIO(noise.tobytes()))
def text(path):
    path.write_text("x" * 100_000)
def compressed(path):
    import zstandard
    with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as stream:
        stream.write(noise.tobytes())
def libav(path):
    import av
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray((noise * 3e4).astype("i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 16000
        for packet in stream.encode(frame):
            container.mux(packet)

writers = [parquet, duckdb_parquet, duckdb_lines, matrix, tensors, pickled, sound, packed, archive, text, libav]
try:
    import zstandard
    writers.append(compressed)
except ImportError:
    pass
for writer in writers:
    try:
        writer(Path(sys.argv[1]) / "warm.npy")
    except Exception as error:
        sys.exit(f"{writer.__name__}: {error}")
(Path(sys.argv[1]) / "warm.npy").unlink()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
found = {}
for writer in writers:
    target = Path(sys.argv[1]) / f"{writer.__name__}.npy"
    target.write_text("old")
    try:
        with atomic_write(target) as temporary:
            writer(temporary)
        found[writer.__name__] = "written"
    except DiskError as error:
        found[writer.__name__] = str(error)
    except Exception as error:
        found[writer.__name__] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def test_every_library_that_writes_says_it_the_same_way(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITERS, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) >= 11
    for name, said in found.items():
        target = tmp_path / f"{name}.npy"
        expected = f"{target} could not be written: File too large. What was there is as it was. Raise the limit"
        assert said.startswith(expected), f"{name}: {said}"
        assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.npy" for name in found)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (28, "No space left on device. .* MB are free in .* Nothing of it is left there. Make room"),
        (122, "Disk quota exceeded. .* MB are free in"),
        (27, "File too large. .*ulimit -f"),
        (30, "Read-only file system. .* Name another place"),
        (5, "Input/output error. .* see the system's log"),
        (36, "File name too long. .* shorter name"),
        (24, "Too many open files. .*ulimit -n"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numbers of Linux")
def test_every_refusal_says_what_is_left_and_what_to_do(tmp_path: Path, number: int, said: str) -> None:
    for error in (OSError(number, os.strerror(number)), RuntimeError(f"I/O error: (os error {number})")):
        with pytest.raises(DiskError, match=said), atomic_write(tmp_path / "a"):
            raise error
        with pytest.raises(DiskError, match=said), atomic_folder(tmp_path / "b"):
            raise RuntimeError("a library's own words") from error
    assert list(tmp_path.iterdir()) == []


def test_other_errors_are_not_called_the_disks(tmp_path: Path) -> None:
    others = [
        ManifestError("No space left on device"),
        FileNotFoundError(2, "No such file", "/input"),
        ValueError("x"),
        OSError(28, "No space left on device", "/elsewhere/file"),
        RuntimeError("x"),
        PermissionError(13, "no", "/in"),
    ]
    for error in others:
        with pytest.raises(type(error)) as raised, atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise error
        assert raised.value is error


def test_places_that_cannot_hold_a_file_are_said_by_their_own_name(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "mine")
    for target in (tmp_path / "file" / "x.json", tmp_path / "file" / "deep" / "x.json", tmp_path / ("n" * 300)):
        with pytest.raises(DiskError) as raised:
            write_text(target, "new")
        assert str(raised.value).startswith(f"{target} could not be written: ")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskError, match="Is a directory"):
        write_text(tmp_path / "folder", "new")
    write_text(tmp_path / ("n" * 250), "as long as a name may be")
    assert {path.name[:4] for path in tmp_path.iterdir()} == {"file", "fold", "nnnn"}


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DiskError, match="Permission denied"):
            write_text(tmp_path / "x", "new")
    finally:
        tmp_path.chmod(0o700)
