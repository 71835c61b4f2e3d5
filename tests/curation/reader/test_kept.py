"""Rows copied as they come: whose are not together or not in order is found, wherever batches end."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.reader.kept import _copied
from curation.reader.row_files import RowWriter

CUTS = 4
ROWS = st.lists(st.tuples(st.integers(0, CUTS - 1), st.integers(0, 3)), min_size=1, max_size=24)


def batches(rows: list[tuple[int, int]], sizes: list[int], places: pa.DataType) -> list[pa.RecordBatch]:
    numbers, order = zip(*rows, strict=True)
    named = [str(place) if places == pa.string() else place for place in order]
    columns = [pa.array(numbers, pa.int32()), pa.array(named, places), pa.array(range(len(rows)))]
    whole = pa.RecordBatch.from_arrays(columns, names=["n", "place", "row"])
    ends = [*np.minimum(np.cumsum([0, *sizes]), len(rows)), len(rows)]
    return [whole.slice(first, last - first) for first, last in pairwise(ends) if last > first]


@pytest.mark.parametrize("places", [pa.int32(), pa.string()])
@given(rows=ROWS, sizes=st.lists(st.integers(1, 5), max_size=12))
def test_spans_are_the_rows_of_a_cut_and_the_others_are_told(places, rows, sizes) -> None:
    spans = np.zeros((CUTS, 2), np.int64)
    with RowWriter(None) as writer:
        odd = _copied(batches(rows, sizes, places), spans, writer)
    assert writer.file.take(np.arange(len(rows)))["row"].to_pylist() == list(range(len(rows)))
    runs = [(cut, len(list(part))) for cut, part in groupby(cut for cut, _ in rows)]
    for number in range(CUTS):
        own = [(at, place) for at, (cut, place) in enumerate(rows) if cut == number]
        together = [cut for cut, _ in runs].count(number) <= 1
        in_order = all(one[1] <= other[1] for one, other in pairwise(own))
        assert bool(odd[number]) == (not (together and in_order))
        if not odd[number]:
            begin, count = spans[number]
            assert [at for at, _ in own] == list(range(begin, begin + count))
