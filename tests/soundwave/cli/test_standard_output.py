"""Standard output that is full, closed, or read by a program that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import manifests
from soundwave.cli import build_app

COMMAND = [sys.executable, "-m", "soundwave"]
LONG = (
    "import sys; from soundwave import cli; cli.build_app = lambda: (lambda **_: print('row\\n' * 100_000)); cli.main()"
)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [["-c", LONG], ["-m", "soundwave", "prepare", "--list"]])
def test_output_that_cannot_be_written_is_an_error(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output cannot be written: No space left on device.")
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize("words", [["-c", LONG], ["-m", "soundwave", "prepare", "--list"]])
def test_a_reader_that_has_gone_ends_the_command_without_a_word(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_streams_are_not_taken_by_the_next_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from soundwave import cli\n"
        "def app(**_):\n"
        "    stream = Path(sys.argv[1]).open('w'); stream.write('ours\\n'); print('said'); stream.flush()\n"
        "cli.build_app = lambda: app\n"
        "cli.main()"
    )
    shell = f'"{sys.executable}" -c "$0" "$1" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", shell, code, str(tmp_path / "file")], check=False)
    assert done.returncode == 0 and (tmp_path / "file").read_text() == "ours\n"


def test_the_version_needs_no_command() -> None:
    result = CliRunner().invoke(build_app(), ["--version"])
    assert (result.exit_code, result.output) == (0, f"soundwave {manifests.__version__}\n")
