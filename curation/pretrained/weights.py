"""Files of weights: safetensors and nothing else, and what a file really is that calls itself so.

Pickled weights (.bin, .pt, .ckpt) can run code when they are read, so they never are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from manifests.errors import ManifestError
from manifests.files import need_file

HEADS = {
    b"version https://git-lfs": "a Git LFS pointer: the file itself was not fetched (`git lfs pull` fetches it)",
    b"PK\x03\x04": "a zip archive, as torch.save writes (pickled weights are not read)",
    b"\x80": "a pickle (pickled weights are not read)",
    b"GGUF": "a GGUF file",
    b"\x89HDF": "an HDF5 file",
    b"<": "a web page: the download gave an error, or asks to log in",
    b"{": "JSON",
}
FLOATS = frozenset(("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"))


@dataclass(frozen=True)
class TensorFacts:
    """What the head of a file says of a tensor."""

    shape: tuple[int, ...]
    kind: str
    """As safetensors writes it: F32, BF16, I8."""


def disguise(path: Path) -> str | None:
    """What a file is that is not what its name says, where its first bytes tell; None: they do not."""
    with path.open("rb") as stream:
        first = stream.read(64)
    if not first.strip(b"\0"):
        return "nothing but zeros"
    head = first.lstrip().lower() if first.lstrip()[:1] == b"<" else first
    return next((said for start, said in HEADS.items() if head.startswith(start)), None)


@contextmanager
def open_weights(path: Path, *, mend: str = "Fetch it again.") -> Iterator[Any]:
    """The reader of a whole safetensors file (see `safetensors.safe_open`).

    Args:
        path: the file.
        mend: what to do when it is damaged.

    Raises:
        MissingFileError: no such file, or one of 0 bytes.
        ManifestError: a file that is cut short, damaged, or something else than its name says.
    """
    need_file(path, what="weights", hint=mend)
    try:
        # Head and length are read here: a file cut short is found before its tensors are.
        reader = safe_open(str(path), framework="pt")
    except SafetensorError as error:
        what = disguise(path)
        said = f"{path} is {what}" if what else f"{path} is damaged or cut short ({error})"
        raise ManifestError(f"{said}. Expected safetensors. {mend}") from error
    with reader:
        yield reader


def tensor_facts(path: Path, *, mend: str = "Fetch it again.") -> dict[str, TensorFacts]:
    """Shape and type of every tensor of a file, by name; no tensor is read.

    Raises:
        MissingFileError, ManifestError: as `open_weights`.
    """
    with open_weights(path, mend=mend) as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - the reader is no mapping
        return {name: TensorFacts(tuple(part.get_shape()), str(part.get_dtype())) for name, part in parts.items()}


def read_weights(path: Path, names: Collection[str] | None = None, *, mend: str = "Fetch it again.") -> dict[str, Any]:
    """Tensors of a file by name; names: these only.

    Raises:
        MissingFileError, ManifestError: as `open_weights`; a name that is not there.
    """
    with open_weights(path, mend=mend) as file:
        held = list(file.keys())
        if absent := sorted(set(names or ()) - set(held)):
            raise ManifestError(f"{path} holds no tensor {absent[0]!r}. {mend}")
        return {name: file.get_tensor(name) for name in (held if names is None else names)}
