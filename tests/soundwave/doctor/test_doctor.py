"""`soundwave doctor` finds what is missing, broken or of a refused version, and never falls over it."""

import json

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from soundwave import doctor
from soundwave.cli import build_app
from soundwave.doctor.machine import check_dask, size
from soundwave.doctor.optional import check_extras, check_models
from soundwave.doctor.packages import check_packages, check_python, import_errors, requirements

QUICK = [look for look in doctor.LOOKS if look[3] in ("check_python", "check_devices", "check_places")]


def asked(*texts):
    return {one.name: one for one in check_packages([Requirement(text) for text in texts])}


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder of modules that stand before the installed ones in new processes."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_package_in_its_range_is_fine():
    found = asked("xxhash>=3")["xxhash"]
    assert (found.state, found.do, found.core) == ("ok", "", True)


def test_a_package_that_is_not_there_has_the_command_that_installs_it():
    found = asked("no-such-package-here>=2,<3")["no-such-package-here"]
    assert found.state == "missing"
    assert found.do.startswith('uv pip install "no-such-package-here')


def test_a_version_out_of_range_is_said_with_the_range():
    found = asked("xxhash>=900")["xxhash"]
    assert found.state == "unfit"
    assert ">=900" in found.said


def test_a_package_whose_import_raises_or_kills_is_found_and_the_next_is_looked_at(modules):
    (modules / "xxhash.py").write_text("raise RuntimeError('no such symbol: XXH3\\nmore')")
    (modules / "regex.py").write_text("import os; os._exit(7)")
    found = asked("xxhash>=3", "regex>=2024.5", "emoji>=2.12")
    assert [one.state for one in found.values()] == ["broken", "broken", "ok"]
    assert "RuntimeError: no such symbol: XXH3" in found["xxhash"].said
    assert "exit code 7" in found["regex"].said
    assert found["regex"].do.startswith("uv pip uninstall regex; uv pip install")


def test_a_module_that_prints_does_not_disturb(modules):
    (modules / "loud.py").write_text("print('{')")
    assert import_errors(["loud"]) == {"loud": None}


def test_every_dependency_is_looked_at():
    names = {one.name for one in requirements()}
    assert {"torch", "duckdb", "typer", "packaging"} <= names
    assert "whisperx" not in names
    assert [one.state for one in check_python()] == ["ok"]


def test_a_worker_of_dask_answers():
    assert [(one.state, one.core) for one in check_dask()] == [("ok", True)]


def test_optional_parts_that_are_missing_say_what_installs_them():
    found = [*check_models(), *check_extras()]
    assert {"aligner whisperx", "encoder moonshine", "flite", "browser"} <= {one.name for one in found}
    assert all(bool(one.do) == (one.state != "ok") and not one.core for one in found)


def test_a_look_that_raises_is_a_finding_and_exit_1(monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS", (*QUICK, ("dask", "worker", "nowhere", "check_dask", True)))
    done = CliRunner().invoke(build_app(), ["doctor", "--json", "--quiet"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert answer["works"] is False
    assert answer["checks"][-1]["state"] == "broken"
    assert "nowhere" in answer["checks"][-1]["said"]


def test_what_is_optional_does_not_fail_it(monkeypatch):
    monkeypatch.setattr(doctor, "LOOKS", (*QUICK, ("device", "GPU", "nowhere", "check_gpu", False)))
    done = CliRunner().invoke(build_app(), ["doctor"])
    assert done.exit_code == 0
    assert "All that the commands need works." in done.stdout
    assert "Traceback" not in done.output


def test_sizes_of_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1000)
    assert size(tmp_path) == 1000
    assert size(tmp_path / "nothing") == 0
