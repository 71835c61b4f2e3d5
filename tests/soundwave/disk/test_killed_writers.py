"""Kill -9 at moments at which imports, exports, `segment` and `label encode` change the disk, and two at once.

Every so manieth moment, for the sake of time; with `stride` 1 all are tried. What a killed one left is gone after the
same command.
"""

from __future__ import annotations

from pathlib import Path

from tests.soundwave.disk.cases import run_cases
from tests.soundwave.disk.writers import commands, make_folder

STRIDES = {"nemo": 13, "kaldi": 31, "tars": 29, "webdataset": 2, "shar": 3, "nemo-tarred": 7, "kaldi-out": 17,
           "segment": 12, "encode": 12}  # fmt: skip


def test_whenever_a_writer_is_killed_the_same_command_gives_the_undisturbed_result(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "w")
    known = commands(folder)
    cases = [
        {"words": known[name][0], "folder": str(folder), "result": known[name][1], "look": "nothing", "stride": stride}
        for name, stride in STRIDES.items()
    ]
    said = run_cases(tmp_path / "cases.json", cases)
    tried = [int(line.removeprefix("tried ")) for line in said if line.startswith("tried ")]
    assert len(said) == len(tried) == len(cases), "\n".join(said)
    assert all(number > stride / 2 for number, stride in zip(tried, STRIDES.values(), strict=True)), tried
