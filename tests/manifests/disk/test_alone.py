from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from manifests.disk.alone import alone
from manifests.errors import OccupiedError

HOLD = """
import sys
from pathlib import Path
from manifests.disk.alone import alone
with alone(Path(sys.argv[1]), "waits"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_one_is_gone_however_it_went(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None and first.stdout.readline() == "held\n"
        (tmp_path / "link").symlink_to(folder)
        for name in ("run", "link", "./link/../run"):
            message = rf"another process \({first.pid}\) trains this run\. Nothing was touched"
            with pytest.raises(OccupiedError, match=message), alone(tmp_path / name, "trains this run"):
                pass
        with alone(tmp_path / "other", "trains this run"):
            pass
        first.kill()
        first.wait()
    with alone(folder, "trains this run"):  # what a killed process held is free
        pass
    assert not folder.exists()
