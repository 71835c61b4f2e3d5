"""The options of commands that take settings: `--set KEY=VALUE`, and flags that stand for one setting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from manifests.settings import Override, Resolved

WIDEST = 60  # characters before a comment

LARGEST = 2**63 - 1  # of a seed
BEAMS = 256  # each is a copy of the whole cache
MOST = 2**31 - 1  # of an option that counts something: nothing here comes in larger numbers
PROCESSES = 1024  # more on one machine is a slip of the hand

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replace a setting at any depth, read by the field's type: seed=7, batch.seconds=20, speeds=[0.9,1.0]. "
        "May be given several times.",
    ),
]

MeasureWorkers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=PROCESSES, help="Processes that read audio. Default: threads of this one."),
]
MeasureDask = Annotated[
    str | None, typer.Option("--dask", metavar="ADDR", help="A running scheduler, e.g. tcp://host:8786, instead.")
]


def _quiet(wanted: bool) -> bool:
    from manifests.progress import set_quiet

    set_quiet(wanted)
    return wanted


QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress; results, notes and errors stay.", callback=_quiet)
]


def finite(value: Any) -> Any:
    """The value of an option that takes numbers with a point (its `callback`), if each is finite."""
    for number in value if isinstance(value, list | tuple) else [value]:
        if number is not None and not math.isfinite(number):
            raise typer.BadParameter(f"{number} is no finite number.")
    return value


def overrides(pairs: list[str] | None, flags: Mapping[str, tuple[str, Any]] | None = None) -> list[Override]:
    """What `--set` and other flags replace.

    Args:
        pairs: of `--set`.
        flags: flag -> the setting that it stands for and its value; None: the flag was not given.

    Raises:
        SettingsError: a --set without KEY=VALUE.
    """
    from manifests.settings import Override

    said = {flag: setting for flag, setting in (flags or {}).items() if setting[1] is not None}
    return [
        *(Override.parse(text, f"--set {text}") for text in pairs or []),
        *(Override(key, value, flag) for flag, (key, value) in said.items()),
    ]


def show_settings(resolved: Resolved[Any], *, as_json: bool) -> None:
    """Print every setting and where its value comes from: as a settings file with a comment a line, or as JSON."""
    from soundwave.cli._tables import print_json

    if not as_json:
        print("\n".join(settings_lines(resolved)))
        return
    values = resolved.settings.model_dump(mode="json")
    origins = {".".join(path): _origin(resolved, path) for path, _ in _leaves(values, ())}
    print_json({"files": [str(file) for file in resolved.files], "settings": values, "origins": origins})


def settings_lines(resolved: Resolved[Any]) -> list[str]:
    """A settings file of the whole; the comments say where each value comes from, one below the other."""
    values = resolved.settings.model_dump(mode="json")
    left: list[str] = []
    notes: list[str] = []
    shown: tuple[str, ...] = ()
    for path, value in _leaves(values, ()):
        for depth in range(len(path) - 1):
            if path[: depth + 1] != shown[: depth + 1]:
                left.append(f"{'  ' * depth}{path[depth]}:")
                notes.append("")
        shown = path
        left.append(f"{'  ' * (len(path) - 1)}{_yaml(path[-1])}: {_yaml(value)}")
        notes.append(str(resolved.origin(path)))
    width = min(max(map(len, left)), WIDEST)
    head = [f"# {'extends' if count else 'file'} {file}" for count, file in enumerate(resolved.files)]
    return [*head, *(f"{line:<{width}}  # {note}" if note else line for line, note in zip(left, notes, strict=True))]


def _origin(resolved: Resolved[Any], path: tuple[str, ...]) -> dict[str, str]:
    origin = resolved.origin(path)
    return {"kind": origin.kind, "where": origin.where}


def _leaves(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value that is no section, and its path."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _yaml(value: Any) -> str:
    """A value on one line of YAML."""
    from manifests.settings.core_yaml import yaml_line

    return yaml_line(value)
