"""Marks that people gave cuts after listening: one Parquet file beside the catalog, the table `reviews` in SQL.

    WORKSPACE/reviews/reviews.parquet   beside WORKSPACE/catalog; one row per marked cut, by cut_id

The file is replaced whole, so that a reader finds the old rows or the new ones.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.catalog.columns import empty, names
from curation.duck import Listed
from curation.storage import is_remote, local
from manifests.disk.alone import in_turn
from manifests.errors import ManifestError, SettingsError, reading
from manifests.files import atomic_write
from manifests.fingerprint import fingerprint
from manifests.schema import allowed, arrow_schema

REVIEWS = "reviews"
FILE = "reviews.parquet"
MARKS = allowed("reviews", "mark")
LONGEST = 2000  # characters of a note or text
WRONG_TEXT, RIGHT_TEXT = "wrong_text", "right_text"  # a mark, and the column of what is said instead


def review_file(catalog: Path) -> Path | None:
    """The file of a catalog's marks; None where there are none. Marks are kept on disk, not in stores."""
    if is_remote(catalog):
        return None
    path = _folder(catalog) / FILE
    return path if path.is_file() else None


def reviews_view(path: Path | None, listed: Listed) -> str:
    """The SELECT of the view `reviews`; it is read anew by every query, so it has marks that were given since."""
    if path is None:
        return empty(REVIEWS)
    # A file of an earlier version has no right_text.
    return f"SELECT {names(REVIEWS)} FROM ({empty(REVIEWS)} UNION ALL BY NAME FROM read_parquet({listed([path])}))"


def _folder(catalog: Path) -> Path:
    return Path(catalog).absolute().parent / REVIEWS


def mark_cut(
    catalog: Path,
    cut_id: str,
    mark: str | None,
    *,
    note: str = "",
    text: str | None = None,
    right_text: str | None = None,
) -> None:
    """Give a cut its mark, in place of the one that it had; None takes it away.

    Args:
        catalog: on this machine.
        cut_id: of a cut; the caller has looked that there is such a cut.
        mark: one of MARKS.
        note: in the listener's words.
        text: of the cut, as it is now.
        right_text: what is said instead; goes with the mark `wrong_text` alone.

    Raises:
        SettingsError: another mark, a right text with it, or a note or text of more than LONGEST characters.
        InputError: a catalog in a store.
        ManifestError: the file of marks is damaged, or none of ours. Nothing was touched.
    """
    if mark is not None and mark not in MARKS:
        raise SettingsError(f"The mark is {mark!r}, expected one of {', '.join(MARKS)}.")
    right_text = (right_text or "").strip() or None
    for name, said in (("note", note), ("right text", right_text or "")):
        if len(said) > LONGEST:
            raise SettingsError(f"The {name} has {len(said):,} characters, expected at most {LONGEST:,}.")
    if right_text is not None and mark != WRONG_TEXT:
        raise SettingsError(f"A right text is given with the mark {mark!r}, expected {WRONG_TEXT}.")
    folder = _folder(local(catalog, what="marks"))
    with in_turn(folder):
        rows = {row["cut_id"]: row for row in read_reviews(folder / FILE)}
        if rows.pop(cut_id, None) is None and mark is None:
            return
        if mark is not None:
            when = datetime.now(UTC).isoformat(timespec="seconds")
            rows[cut_id] = {"cut_id": cut_id, "mark": mark, "note": note or None, "text": text}
            rows[cut_id] |= {"right_text": right_text, "marked_at": when}
        table = pa.Table.from_pylist([rows[key] for key in sorted(rows)], schema=arrow_schema(REVIEWS))
        with atomic_write(folder / FILE) as temporary:
            pq.write_table(table, temporary, compression="zstd")


def reviews_fingerprint(catalog: Path) -> str:
    """What marks there are now; of none, the empty text.

    Raises:
        ManifestError: as `read_reviews`.
    """
    path = review_file(catalog)
    return "" if path is None else fingerprint(read_reviews(path))


def read_reviews(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of marks; none where there is no file.

    Raises:
        ManifestError: it is damaged, or not a table of marks.
    """
    if not path.is_file():
        return []
    advice = "Move it away to begin anew; nothing was touched."
    with reading(path, "a Parquet file of marks", go_on=advice):
        table = pq.read_table(path)
    expected = arrow_schema(REVIEWS)
    if table.schema.names == [name for name in expected.names if name != RIGHT_TEXT]:  # of an earlier version
        table = table.append_column(expected.field(RIGHT_TEXT), pa.nulls(len(table), pa.string())).select(
            expected.names
        )
    if table.schema.names != expected.names or not table.schema.equals(expected):
        found = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        wanted = ", ".join(f"{field.name} {field.type}" for field in expected)
        raise ManifestError(f"{path} is no table of marks (found the columns {found}; expected {wanted}). {advice}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
