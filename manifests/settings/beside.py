"""Files that a settings file names: they lie in its folder, or below."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from manifests.errors import SettingsError


def file_beside(folder: Path, name: str | Path, *, where: str) -> Path:
    """The path of `name`, relative to `folder`, whether there is such a file or not.

    Whoever uses another's settings file must not read other files by it, nor quote them in an error.

    Args:
        folder: the settings file's folder.
        name: what the file says.
        where: names the key and the file, for messages.

    Raises:
        SettingsError: an absolute path, `..`, or a link that leads out of the folder.
    """
    path = folder / name
    absolute = Path(name).is_absolute() or PureWindowsPath(name).drive or str(name).startswith("~")
    if absolute or ".." in Path(name).parts or not path.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            f"{where} names {str(name)!r}, expected a file in {folder} or below it. Copy the file there."
        )
    return path
