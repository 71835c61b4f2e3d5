"""Are the packages here that pyproject.toml asks for, in the ranges that it states, and can they be imported?

What is asked for is read from the installed package's metadata, where its builder wrote pyproject.toml's ranges.
Imports happen in a process of their own: one that kills its process is found, and the others are looked at, too.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from soundwave.doctor.health import HealthCheck

DISTRIBUTION = "soundwave-lab"
SECONDS = 300.0
IMPORTER = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
out, sys.stdout = sys.stdout, sys.stderr
for name in sys.argv[1:]:
    print(json.dumps({"begun": name}), file=out, flush=True)
    said = None
    try:
        importlib.import_module(name)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps({"name": name, "error": said}), file=out, flush=True)
"""


def requirements() -> list[Requirement]:
    """What pyproject.toml asks for, without the extras.

    Raises:
        PackageNotFoundError: soundwave itself is not installed.
    """
    asked = map(Requirement, metadata.requires(DISTRIBUTION) or ())
    return [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]


def check_python() -> Iterator[HealthCheck]:
    """The interpreter, against `requires-python`."""
    asked = metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    fits = SpecifierSet(asked).contains(platform.python_version(), prereleases=True)
    said = f"{platform.python_version()} (asked for: {asked or 'any'})"
    do = "" if fits else "Install another Python, then: make venv PYTHON=python3.11"
    yield HealthCheck("python", "python", "ok" if fits else "unfit", said, do, core=True)


def check_packages(asked: Sequence[Requirement] | None = None) -> Iterator[HealthCheck]:
    """A row a package: is it here, in its range, and can it be imported?"""
    asked = requirements() if asked is None else asked
    modules = _modules()
    there = [one for one in asked if _version(one.name) is not None]
    names = [modules[key] for one in there if (key := canonicalize_name(one.name)) in modules]
    errors = import_errors(names)
    for one in asked:
        version = _version(one.name)
        do = f'uv pip install "{one.name}{one.specifier}"'
        module = modules.get(canonicalize_name(one.name), "")
        if version is None:
            yield HealthCheck(
                "package", one.name, "missing", f"not installed (asked for: {one.specifier})", do, core=True
            )
        elif errors.get(module) is not None:
            said = f"{version}: `import {module}` fails: {errors[module]}"
            yield HealthCheck("package", one.name, "broken", said, f"uv pip uninstall {one.name}; {do}", core=True)
        elif not one.specifier.contains(Version(version), prereleases=True):
            yield HealthCheck("package", one.name, "unfit", f"{version}, asked for: {one.specifier}", do, core=True)
        else:
            yield HealthCheck("package", one.name, "ok", version, core=True)


def import_errors(modules: Sequence[str]) -> dict[str, str | None]:
    """Module -> what its import raises, in a process of its own; None: nothing."""
    found: dict[str, str | None] = {}
    left = list(modules)
    while left:
        done = subprocess.run(
            [sys.executable, "-c", IMPORTER, *left], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        begun = None
        for line in done.stdout.splitlines():
            row = json.loads(line)
            begun = row.get("begun", begun)
            if "name" in row:
                found[row["name"]], begun = row["error"] and row["error"].splitlines()[0][:200], None
        if begun is not None:
            found[begun] = f"it ends its process (exit code {done.returncode})"
        rest = [name for name in left if name not in found]
        if len(rest) == len(left):
            return found | dict.fromkeys(rest, f"Python does not start (exit code {done.returncode})")
        left = rest
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _modules() -> dict[str, str]:
    """Distribution -> a module that it installs: the one of its own name, or else the first that is public."""
    found: dict[str, str] = {}
    for module, names in sorted(metadata.packages_distributions().items()):
        for name in map(canonicalize_name, names):
            if canonicalize_name(module) == name or (name not in found and module[0].isalpha()):
                found[name] = module
    return found
