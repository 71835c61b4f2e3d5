"""The page "Add your corpus": its files where it says, its test, and its commands with what they show."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "add-a-corpus.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_adds_a_corpus(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests" / "recipes" / "speech").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "recipes" / "conftest.py", tmp_path / "tests" / "recipes")
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    files = [body.partition("\n") for kind, body in blocks if kind == "python"]
    for name, _, code in files:
        (tmp_path / name.removeprefix("# ")).write_text(code, encoding="utf-8")
    assert len(files) == 2
    (tmp_path / "kitchen" / "audio").mkdir(parents=True)
    (tmp_path / "kitchen" / "train.tsv").write_text("k1\tann\ttwo eggs\nk2\tben\tmore salt\n", encoding="utf-8")
    (tmp_path / "kitchen" / "test.tsv").write_text("k4\tcleo\tno onions\n", encoding="utf-8")
    for number, name in enumerate(("k1", "k4")):
        soundfile.write(tmp_path / "kitchen" / "audio" / f"{name}.wav", np.full(8000 + number, 0.1), 16_000)
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONIOENCODING": "utf-8"}
    env |= {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    script = "".join(body for kind, body in blocks if kind == "sh").replace("soundwave", "python -m soundwave")
    done = subprocess.run(
        ["bash", "-ec", script], cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    shown = [body for kind, body in blocks if kind == "text"][-1].splitlines()
    assert len(shown) == 4
    for line in shown:
        assert " ".join(line.split()) in " ".join(done.stdout.split()), f"{line!r} is not in\n{done.stdout}"
