"""Tables of results from elsewhere, and those of clips beside them: what is wrong with them is said."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import InputError
from soundwave.ablation.running.known import read_known
from soundwave.ablation.running.noise import _clip_sd

ROW = {"key": "k", "evaluation": "evaluations/x-1.json", "grid": "g", "cell": "c", "stage": "sft"}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    return path


def test_a_table_without_clips_beside_it_is_read(table):
    known = read_known(table)
    assert known.rows == [ROW] and known.clips is None


def test_any_row_may_lack_what_says_what_it_is(table):
    with table.open("a") as stream:
        stream.write(json.dumps({name: value for name, value in ROW.items() if name != "key"}) + "\n")
    with pytest.raises(InputError, match="no column key"):
        read_known(table)


@pytest.mark.parametrize("damage", ["no Parquet", "another table"])
def test_clips_that_cannot_be_read_are_named(table, damage):
    """By who takes finished cells, and by who asks how much clips vary."""
    clips = table.with_name("clips.parquet")
    if damage == "no Parquet":
        clips.write_bytes(b"PAR1")
    else:
        pq.write_table(pa.table({"a": [1]}), clips)
    for read in (lambda: read_known(table), lambda: _clip_sd(table.parent, "wer")):
        with pytest.raises(InputError, match=r"clips\.parquet"):
            read()
