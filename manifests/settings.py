"""Settings files: YAML checked by pydantic, where an unknown key is an error that names the known ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from manifests.errors import SettingsError
from manifests.files import need_file

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Settings = TypeVar("Settings", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        MissingFileError: no such file.
        SettingsError: not YAML, or not a mapping.
    """
    import yaml

    need_file(path, what="settings file")
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"{path} holds {type(value).__name__}, expected `key: value` lines.")
    return value


def load_settings(model: type[Settings], path: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read `path` into `model`; `overrides` replace top-level keys.

    Raises:
        MissingFileError: no such file.
        SettingsError: unknown key, wrong type or value; the message names every one.
    """
    return check_settings(model, read_yaml(path) | dict(overrides or {}), where=str(path))


def check_settings(model: type[Settings], values: Mapping[str, Any], *, where: str) -> Settings:
    """Build `model` from `values`, or raise one `SettingsError` that says all that is wrong with them."""
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(_explain(model, error, where)) from error


def _explain(model: type[BaseModel], error: ValidationError, where: str) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        if problem["type"] == "extra_forbidden":
            known = (
                ", ".join(model.model_fields) if len(problem["loc"]) == 1 else "see the documentation of that section"
            )
            lines.append(f"unknown key `{key}` (known: {known})")
        else:
            lines.append(f"`{key}`: {problem['msg']} (found {problem.get('input')!r})")
    return f"{where}: " + "; ".join(lines)
