"""What files of strangers cannot do: run code, be fetched, or reach what is outside their folder."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from manifests.errors import InputError

ROOT = Path(__file__).parents[1]
SOURCES = [path for floor in ("manifests", "recipes", "curation", "soundwave") for path in (ROOT / floor).rglob("*.py")]
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}  # modules that run what they read


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _unsafe(call: ast.Call) -> bool:
    name = _dotted(call.func)
    options = {option.arg: getattr(option.value, "value", None) for option in call.keywords}
    loose = {"allow_pickle", "trust_remote_code", "shell"}
    return (
        any(options.get(flag) is True for flag in loose)
        or name in ("eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.full_load", "yaml.unsafe_load")
        or (name == "torch.load" and options.get("weights_only") is not True)
        or (name.endswith((".extractall", ".unpack_archive")) and options.get("filter") != "data")
    )


def test_nothing_here_runs_what_it_reads() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = [part.name for part in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            odd = UNSAFE.intersection(name.partition(".")[0] for name in imported)
            if odd or (isinstance(node, ast.Call) and _unsafe(node)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:80]}")
    assert not found, "\n".join(found)


def test_the_search_for_such_calls_finds_them() -> None:
    calls = ["eval(x)", "np.load(p, allow_pickle=True)", "torch.load(p)", "yaml.load(s)", "tar.extractall(d)",
             "A.from_pretrained(p, trust_remote_code=True)", "subprocess.run(c, shell=True)"]  # fmt: skip
    fine = ["np.load(p)", "torch.load(p, weights_only=True)", "yaml.safe_load(s)", "tar.extractall(d, filter='data')"]
    found = [_unsafe(ast.parse(call).body[0].value) for call in calls + fine]  # type: ignore[attr-defined]
    assert found == [True] * len(calls) + [False] * len(fine)


def test_a_pickle_in_a_matrix_of_features_is_not_loaded(tmp_path: Path) -> None:
    from curation.reader.rows import features_of  # noqa: F401

    np.save(tmp_path / "features.npy", np.array([Bomb(tmp_path / "ran")], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        np.load(tmp_path / "features.npy", mmap_mode="r")
    assert not (tmp_path / "ran").exists()
