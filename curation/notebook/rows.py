"""The rows of a query, as whichever table a script works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from curation.notebook.heard import HeardCut
from manifests.errors import require
from manifests.shown.tables import cell, table_lines

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 20  # rows of a display


class SqlRows:
    """Rows of a query. They iterate as dicts; `arrow`, `pandas` and `polars` give tables; `cut` a row's sound."""

    def __init__(self, table: pa.Table, cut: Callable[[str], HeardCut]) -> None:
        self._table = table
        self._cut = cut

    def arrow(self) -> pa.Table:
        """As an Arrow table; nothing is copied."""
        return self._table

    def pandas(self) -> Any:
        """As a pandas DataFrame."""
        return self._table.to_pandas()

    def polars(self) -> Any:
        """As a polars DataFrame. Raises MissingPackageError: polars is not installed."""
        polars: Any = require("polars", used_for="`.polars()`", install="uv pip install polars")
        return polars.from_arrow(self._table)

    def cut(self, cut_id: str) -> HeardCut:
        """One of these rows' cuts, to listen to. Raises MissingFileError: the catalog has no such cut."""
        return self._cut(cut_id)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._table.to_batches():
            yield from batch.to_pylist()

    def __repr__(self) -> str:
        rows = self._table.slice(0, SHOWN).to_pylist()
        return "\n".join([*(line.plain for line in table_lines(rows, names=self._table.column_names)), *self._more()])

    def _repr_html_(self) -> str:
        names = self._table.column_names
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        rows = self._table.slice(0, SHOWN).to_pylist()
        lines = ("".join(f"<td>{escape(cell(row[name]))}</td>" for name in names) for row in rows)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        more = "".join(f"<p>{line}</p>" for line in self._more())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def _more(self) -> list[str]:
        return [f"{SHOWN} of {len(self):,} rows"] if len(self) > SHOWN else []
