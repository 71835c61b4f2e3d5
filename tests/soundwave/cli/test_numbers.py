"""Numbers that are none, or far too large, in every option that takes numbers and in every setting."""

import importlib
import math
import typing
from pathlib import Path

import pytest
import typer.main
from pydantic import BaseModel
from typer.testing import CliRunner

from manifests.errors import SettingsError
from manifests.settings.fields import members
from soundwave.cli import build_app
from soundwave.infer.pieces import need_longest
from soundwave.train.settings import STAGES

ROOT = Path(__file__).parents[3]
ODD = ("nan", "inf", "-inf", "1e400", "1" + "0" * 30, "x", "")
NO_WHOLE = (*ODD, "-1", "1.5")
ANY_SIGN = {"least_score"}  # log-probabilities are below 0


def commands(command, path=()):
    """Every command below one, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, sub in inner.items():
        yield from commands(sub, (*path, name))


def number_of(parameter):
    """int or float, of an option that takes numbers; None: of another."""
    descriptor = getattr(parameter, "type_descriptor", None)  # typer >= 0.22; before that, types are click's
    if descriptor is None:
        return {"integer": int, "integer range": int, "float": float, "float range": float}.get(parameter.type.name)
    found = {member for kind in members(descriptor.annotation) for member in (kind, *typing.get_args(kind))}
    return next((kind for kind in (int, float) if kind in found), None)


APP = build_app()
COMMANDS = dict(commands(typer.main.get_command(APP)))
OPTIONS = [
    (path, parameter) for path, command in COMMANDS.items() for parameter in command.params if number_of(parameter)
]


def asked(path, parameter, value):
    """The command with one bad number; what else it needs is named, and not read."""
    command = COMMANDS[path]
    needed = ["x" for other in command.params if other.required and other.param_type_name == "argument"]
    needed += [
        word for other in command.params if other.required and other.opts[0][0] == "-" for word in (other.opts[0], "x")
    ]
    return CliRunner().invoke(APP, [*path, *needed, f"{parameter.opts[0]}={value}"])


@pytest.mark.parametrize(("path", "parameter"), OPTIONS, ids=[f"{' '.join(p)} {o.opts[0]}" for p, o in OPTIONS])
def test_an_option_refuses_what_is_no_number(path, parameter):
    for value in NO_WHOLE if number_of(parameter) is int else ODD:
        if number_of(parameter) is float and value == ODD[4]:
            continue  # large, but a number
        told = asked(path, parameter, value)
        assert told.exit_code == 2, (value, told.output)
        assert parameter.opts[0] in told.output and "Traceback" not in told.output
        assert told.exception is None or isinstance(told.exception, SystemExit)


def test_every_number_is_looked_at():
    assert {parameter.opts[0] for _, parameter in OPTIONS} >= {"--longest", "--speed", "--seed", "--beams", "--most"}


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1.0, 0.0, 0.5])
def test_pieces_need_a_length(seconds):
    with pytest.raises(SettingsError, match="expected 1 s or more"):
        need_longest(seconds)


def models():
    """Every pydantic model of ours, imported yet or not; none that other tests have put into our packages."""
    for package in ("curation", "soundwave", "manifests"):
        for path in (ROOT / package).rglob("*.py"):
            if "pydantic" in path.read_text(encoding="utf-8"):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                for kind in vars(importlib.import_module(name)).values():
                    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == name:
                        yield kind


def test_settings_refuse_what_is_no_finite_number():
    ours = set(models())
    assert len(ours) > 20
    loose = {
        kind.__name__
        for kind in ours
        for field in kind.model_fields.values()
        if float in {part for member in members(field.annotation) for part in (member, *typing.get_args(member))}
        and kind.model_config.get("allow_inf_nan", True)
    }
    assert loose == {"Calibration"}  # a file that `soundwave calibrate` writes


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", "inf", 10**400])
@pytest.mark.parametrize(
    "key", ["lm_weight", "optimiser.learning_rate", "model.dropout", "speeds.0", "optimiser.betas.1"]
)
def test_a_stage_refuses_them(key, value):
    with pytest.raises(SettingsError, match=rf"`{key}`: .*expected"):
        STAGES.load("alignment", [override(key, value)])


def override(key, value):
    from manifests.settings import Override

    return Override(key, value, "here")


def test_no_clipping_is_a_number_that_makes_sense():
    assert STAGES.load("alignment", [override("optimiser.clip", math.inf)]).optimiser.clip == math.inf
    with pytest.raises(SettingsError, match="clip"):
        STAGES.load("alignment", [override("optimiser.clip", math.nan)])
