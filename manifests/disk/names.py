"""Names of files from ids, and names that people give to folders.

An id is any text: of a cut, a recording, a label from somebody's data. Written as a path it could leave its folder, be
no name on another system, or be the name of another id.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from manifests.errors import SettingsError

MOST = 200  # bytes of UTF-8, so that a suffix and a temporary name still fit into 255
_HEAD = 100  # characters of an id that its name keeps when the name cannot be the id
_BAD = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]')
_MADE = re.compile(r".*~[0-9a-f]{32}", re.DOTALL)  # what `file_name` makes of other ids
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE)
_CONTROLS = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # kinds of characters that are not seen, or are no text


def file_name(identifier: str) -> str:
    """The name of a file for an id: the id itself where every system takes it, else one that says its hash.

    Two ids never have the same name (but for names that differ in the case of letters; see `FileNames`). It is at most
    MOST bytes long, has no separator, and neither begins nor ends with a dot or a space.
    """
    if _is_name(identifier):
        return identifier
    return _hashed(identifier)


class FileNames:
    """Names for the ids of one folder or archive, different from each other without regard to the case of letters.

    Of two ids that only letter case tells apart the first one seen keeps its name. Memory grows with the ids: some 100
    bytes each.
    """

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, identifier: str) -> str:
        """The name of an id; the same each time."""
        name = file_name(identifier)
        if self._taken.setdefault(_folded(name), identifier) == identifier:
            return name
        return _hashed(identifier)


def need_name(value: str, *, setting: str) -> str:
    """`value`, if it is the name of a folder on every system.

    Raises:
        SettingsError: it is a path, or no name.
    """
    if not _is_name(value):
        raise SettingsError(
            f"The setting `{setting}` is {value!r}, expected the name of a folder: no path, no control characters, at "
            f"most {MOST} bytes, no dot or space at either end."
        )
    return value


def _is_name(text: str) -> bool:
    if not text or _BAD.search(text) or text[0] in ". " or text[-1] in ". " or _MADE.fullmatch(text):
        return False
    if any(unicodedata.category(character) in _CONTROLS for character in text if not character.isascii()):
        return False
    return (
        len(text.encode("utf-8")) <= MOST
        and unicodedata.is_normalized("NFC", text)
        and _RESERVED.fullmatch(text) is None
    )


def _hashed(identifier: str) -> str:
    digest = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = unicodedata.normalize("NFKD", identifier).encode("ascii", "ignore").decode()
    head = re.sub(r"[^A-Za-z0-9_-]+", "_", kept)[:_HEAD].strip("_")
    return f"{head}~{digest}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
