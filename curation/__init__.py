"""Curation: labels in parallel, quality, catalog, audits, mixtures -> plan + lock.

In a notebook or script: `curation.open("demo/catalog").sql("FROM overview")`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curation.notebook import CatalogSession

__all__ = ["open"]


def open(
    place: str | Path, *, catalog: str | Path | None = None, seconds: float = 60.0, memory: str = "4GB"
) -> CatalogSession:
    """A catalog, or a workspace of studies, to ask in SQL; it only reads.

    Args:
        place: a catalog, its address (s3://BUCKET/PREFIX), or what `soundwave sql --workspace` takes.
        catalog: of a workspace: its catalog, if it is not the one that lies in it.
        seconds: the most that a query may take.
        memory: the most that a query may take, such as 4GB.

    Raises:
        MissingFileError: neither a catalog nor a workspace is there.
        SettingsError: no such limits.
    """
    from curation.notebook import open_session

    return open_session(place, catalog=catalog, seconds=seconds, memory=memory)
