"""What the project promises as a whole: floors, commands, help, quick start-up, errors people can read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked

ROOT = Path(__file__).parent.parent
PACKAGES = ("manifests", "recipes", "curation", "soundwave")
HEAVY = ("torch", "transformers", "lhotse", "duckdb", "distributed", "dask", "numba", "pandas", "pyarrow", "numpy")


def commands() -> list[tuple[str, ...]]:
    """Every command and sub-command of the application."""
    import typer.main

    from soundwave.cli import build_app

    def walk(command: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        children = getattr(command, "commands", {})
        return [path, *(found for name, child in children.items() for found in walk(child, (*path, name)))]

    return [path for path in walk(typer.main.get_command(build_app()), ()) if path]


def help_of(path: tuple[str, ...]) -> str:
    import typer.main

    from soundwave.cli import build_app

    command: object = typer.main.get_command(build_app())
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    return str(getattr(command, "help", "") or "")


ALL = commands()
LEAVES = [path for path in ALL if not any(other[: len(path)] == path for other in ALL if other != path)]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    text = help_of(path)
    assert len(text) > 30
    assert f"soundwave {' '.join(path)}" in text, f"no example in the help of {' '.join(path)}"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['soundwave', '--help']\n"
        "from soundwave.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip().endswith("heavy: []")


@pytest.mark.parametrize(
    ("planted", "imported"),
    [
        ("manifests/units.py", "soundwave.cli"),
        ("recipes/common.py", "soundwave.cli"),
        ("curation/text/__init__.py", "curation.reader"),
        ("curation/align/base.py", "curation.passes"),
        ("soundwave/evaluate/table.py", "soundwave.ablation"),
        ("soundwave/model/tokens.py", "soundwave.train"),
    ],
)
def test_a_planted_upward_import_breaks_the_floors(planted: str, imported: str, packages: Path) -> None:
    path = packages / planted
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\nimport {imported}\n", encoding="utf-8")
    try:
        assert "BROKEN" in lint(packages).stdout
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, in which no import goes upwards."""
    folder = tmp_path_factory.mktemp("packages")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    assert lint(folder).returncode == 0
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def readme_commands() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"(?:^|\$ |`)soundwave ([a-z]+(?: [a-z]+)?)", text, re.MULTILINE)))


def test_every_command_in_the_readme_exists() -> None:
    known = {" ".join(path) for path in ALL}
    groups = {path[0] for path in ALL if len(path) > 1} - {"ablate"}  # `ablate GRID`: its `run` may be left out
    named = readme_commands()
    assert named
    for line in named:
        first = line.split()[0]
        assert first in known, line
        if first in groups and " " in line:
            assert line in known, line


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"))) <= targets


def test_every_file_linked_in_the_docs_exists() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def imported_packages() -> set[str]:
    """Top-level names that the four packages import, the standard library's and our own left out."""
    import ast

    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - set(PACKAGES)


def test_every_import_is_a_declared_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in project["dependencies"]}
    wheels = {
        "pyyaml": "yaml",
        "vl_convert_python": "vl_convert",
        "scikit_learn": "sklearn",
        "fasttext_predict": "fasttext",
    }
    extras = {"pocketsphinx", "hibari", "whisperx", "nltk"}  # imported where used, with a message; nltk is of whisperx
    assert imported_packages() - {wheels.get(name, name) for name in declared} <= extras


def test_functions_and_files_stay_small() -> None:
    import ast

    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            assert text.count("\n") <= 600, f"{path.relative_to(ROOT)} has over 600 lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    assert length <= 60, f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sql", "SELECT 1", "--catalog", "nowhere"), "nowhere"),
        (("audit", "--catalog", "nowhere"), "nowhere"),
        (("prepare", "no-such-corpus"), "no-such-corpus"),
        (("prepare", "librispeech", "--source", "nowhere"), "nowhere"),
        (("mix", "plan", "none.yaml", "--catalog", "nowhere", "--output", "x"), "none.yaml"),
        (("train", "none.yaml", "--plan", "nowhere", "--output", "x"), "none.yaml"),
        (("eval", "nowhere", "--catalog", "nowhere"), "nowhere"),
        (("infer", "nowhere", "a.wav"), "nowhere"),
        (("ablate", "no-such-grid", "--catalog", "nowhere"), "no-such-grid"),
        (("report", "nowhere"), "nowhere"),
        (("label", "quality", "--corpora", "nowhere"), "nowhere"),
        (("catalog", "build", "--corpora", "nowhere"), "nowhere"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_wrong_paths_are_one_clear_sentence_and_exit_2(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = forked.run("soundwave", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing half-made
