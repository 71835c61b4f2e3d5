"""`soundwave catalog import lhotse`: cuts, recordings with supervisions, Shar; and back by export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from lhotse import CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.supervision import AlignmentItem
from typer.testing import CliRunner

from manifests.errors import ManifestError, MissingFileError
from manifests.files import read_jsonl, write_jsonl
from manifests.rows.validate import validate_rows
from soundwave.cli.catalog import register

TIMES = [("turn", 0.1, 0.4), ("left", 0.75, 0.5)]


def command(*words: object) -> None:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["catalog", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception


def imported(
    *sources: Path, output: Path, options: tuple[str, ...] = ()
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, str]]]:
    """Cuts and rejects (reason, detail) by id, as the command writes them."""
    words = ["--corpus", "told", "--license", "CC0-1.0", "--output", output, *options]
    command("import", "lhotse", *sources, *words)
    cuts = {row["id"]: row for row in read_jsonl(output / "told" / "cuts.jsonl.gz")}
    assert list(validate_rows(cuts.values())) == []
    rejects = read_jsonl(output / "told" / "rejects.jsonl.gz")
    return cuts, {row["cut_id"]: (row["reason"], row["detail"]) for row in rejects}


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 64000).astype(np.float32), 16000, subtype="PCM_16")
    return Recording.from_file(path, recording_id="rec")


def segment(name: str, start: float, *, shift: float = 0.0, **facts: Any) -> SupervisionSegment:
    words = [AlignmentItem(word, round(time + shift, 3), length) for word, time, length in TIMES]
    given = {"text": "turn left", "language": "en", "speaker": "7", "alignment": {"word": words}} | facts
    return SupervisionSegment(name, "rec", start=start, duration=1.5, **given)


def cut_of(recording: Recording, **facts: Any) -> dict[str, Any]:
    cut = MonoCut("c1", 1.0, 2.0, 0, supervisions=[segment("s1", 0.0)], recording=recording, custom={"snr": 20.5})
    return {**json.loads(json.dumps(cut.to_dict())), **facts}


def words(cut: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(item[:3]) for item in cut["supervisions"][0]["alignment"]["word"]]


def test_what_a_cut_is_already_stays(tmp_path: Path, recording: Recording) -> None:
    row = cut_of(recording)
    row["custom"] |= {"split": "validation", "domain": "calls", "list": [1, {"a": None}]}
    said = row["supervisions"][0]
    said["gender"] = "f"
    said["custom"] = {"target_text": "links", "target_language": "de", "accent": "x"}
    said["alignment"]["phone"] = [["T", 0.1, 0.1, None]]
    said["alignment"]["word"][0][3] = -0.5
    write_jsonl(tmp_path / "cuts.jsonl.gz", [row])
    cut = imported(tmp_path / "cuts.jsonl.gz", output=tmp_path / "out")[0]["told-c1"]
    assert (cut["start"], cut["duration"], cut["recording"]["id"]) == (1.0, 2.0, "told-rec")
    assert words(cut) == TIMES
    found = cut["supervisions"][0]
    assert (found["text"], found["language"], found["speaker"]) == ("turn left", "en", "7")
    assert found["custom"] == {"target_text": "links", "target_language": "de"}
    custom = {name: cut["custom"][name] for name in ("split", "domain", "snr", "list", "supervision")}
    assert custom == {
        "split": "dev", "domain": "calls", "snr": 20.5, "list": [1, {"a": None}],
        "supervision": {
            "gender": "f", "alignment": {"phone": [["T", 0.1, 0.1, None]]}, "word_scores": [-0.5, None],
            "custom": {"accent": "x"},
        },
    }  # fmt: skip


def test_recordings_and_supervisions_are_the_cuts_that_lhotse_makes_of_them(
    tmp_path: Path, recording: Recording
) -> None:
    said = SupervisionSet.from_segments([segment("s1", 0.5, shift=0.5), segment("s2", 2.25, shift=2.25)])
    recordings = RecordingSet.from_recordings([recording])
    recordings.to_file(tmp_path / "told_recordings_test-clean.jsonl.gz")
    said.to_file(tmp_path / "told_supervisions_test-clean.jsonl.gz")
    write_jsonl(tmp_path / "more_recordings.jsonl", [{**recording.to_dict(), "id": "silent"}])
    cuts, rejects = imported(tmp_path, output=tmp_path / "out")
    theirs = CutSet.from_manifests(recordings=recordings, supervisions=said).trim_to_supervisions()
    expected = {f"told-{cut.supervisions[0].id}": cut for cut in theirs}
    assert {key: (cut["start"], cut["duration"]) for key, cut in cuts.items()} == {
        key: (cut.start, cut.duration) for key, cut in expected.items()
    }
    assert {key: words(cut) for key, cut in cuts.items()} == dict.fromkeys(expected, TIMES)
    assert {cut["custom"]["split"] for cut in cuts.values()} == {"test"}
    assert {key: reason for key, (reason, _) in rejects.items()} == {"told-silent": "text_missing"}


def test_supervisions_of_one_cut_are_used_together(tmp_path: Path, recording: Recording) -> None:
    late = segment("s2", 2.0, shift=2.0, text="now")
    cut = MonoCut("c1", 0.0, 4.0, 0, supervisions=[late, segment("s1", 0.0)], recording=recording)
    other = MonoCut("c2", 0.0, 4.0, 0, supervisions=[segment("s1", 0.0), segment("s2", 2.0, speaker="8")])
    write_jsonl(tmp_path / "cuts.jsonl", [cut.to_dict(), {**other.to_dict(), "recording": recording.to_dict()}])
    cuts, rejects = imported(tmp_path / "cuts.jsonl", output=tmp_path / "out")
    assert cuts["told-c1"]["supervisions"][0]["text"] == "turn left now"
    assert [word[1] for word in words(cuts["told-c1"])] == [0.1, 0.75, 2.1, 2.75]
    assert rejects["told-c2"][0] == "bad_row"
    assert "2 values of speaker" in rejects["told-c2"][1]


def test_sounds_inside_a_cut_keep_their_times(tmp_path: Path, recording: Recording) -> None:
    def sound(name: str, label: str, start: float, duration: float) -> SupervisionSegment:
        return SupervisionSegment(name, "rec", start=start, duration=duration, custom={"sound": [label]})

    inside = {
        "c1": [sound("b", "Rain", 0.5, 3.5), sound("a", "Dog", 0.25, 1.0)],
        "c2": [sound("c", "Dog", 0.0, 4.0)],
        "c3": [sound("d", "Dog", 1.0, 2.0)],
    }
    cuts = [
        MonoCut(name, 0.0, 4.0, 0, supervisions=[segment(f"s-{name}", 0.0), *sounds], recording=recording)
        for name, sounds in inside.items()
    ]
    write_jsonl(tmp_path / "cuts.jsonl", [cut.to_dict() for cut in cuts])
    first, _ = imported(tmp_path / "cuts.jsonl", output=tmp_path / "out")
    times = {"told-c1": [["Dog", 0.25, 1.0], ["Rain", 0.5, 3.5]], "told-c2": None, "told-c3": [["Dog", 1.0, 2.0]]}
    assert {key: cut["custom"].get("sound_times") for key, cut in first.items()} == times
    assert first["told-c1"]["supervisions"][0]["custom"]["sound"] == ["Dog", "Rain"]
    write_jsonl(tmp_path / "again.jsonl", list(first.values()))
    again, _ = imported(tmp_path / "again.jsonl", output=tmp_path / "more")
    assert {key: cut["custom"].get("sound_times") for key, cut in again.items()} == times, "also on the way back"


def test_a_file_a_channel(tmp_path: Path) -> None:
    for name in ("left", "right"):
        samples = np.full(16000, 0.1 if name == "left" else 0.3, dtype=np.float32)
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
    sources = [{"type": "file", "channels": [n], "source": f"{name}.wav"} for n, name in enumerate(("left", "right"))]
    facts = {"id": "call", "sampling_rate": 16000, "num_samples": 16000, "duration": 1.0, "channel_ids": [0, 1]}
    row = {"type": "MonoCut", "start": 0.0, "duration": 1.0, "recording": {**facts, "sources": sources}}
    said = {"id": "s", "recording_id": "call", "start": 0.0, "duration": 1.0, "text": "words"}
    rows = [{**row, "id": f"c{n}", "channel": n, "supervisions": [{**said, "channel": n}]} for n in (0, 1)]
    both = {**row, "type": "MultiCut", "id": "both", "channel": [0, 1], "supervisions": [{**said, "channel": [0, 1]}]}
    write_jsonl(tmp_path / "cuts.jsonl", [*rows, both])
    cuts, rejects = imported(tmp_path / "cuts.jsonl", output=tmp_path / "out")
    found = {key: Path(cut["recording"]["sources"][0]["source"]).name for key, cut in cuts.items()}
    assert found == {"told-c0": "left.wav", "told-c1": "right.wav"}
    assert {cut["recording"]["id"] for cut in cuts.values()} == {"told-call-c0", "told-call-c1"}
    assert rejects["told-both"][0] == "unsupported_audio"


def test_rows_that_cannot_be_had_are_rejects_and_the_rest_goes_on(tmp_path: Path, recording: Recording) -> None:
    plain = cut_of(recording)

    def moved(name: str, **facts: Any) -> dict[str, Any]:
        return {**plain, "id": name, **facts}

    said = plain["supervisions"][0]
    source = {"type": "url", "channels": [0], "source": "https://example.org/a.wav"}
    speed = [{"name": "Speed", "kwargs": {"factor": 0.9}}]
    rows = [
        moved("mixed", type="MixedCut"),
        moved("bare", recording=None),
        moved("late", start=3.5),
        moved("url", recording={**plain["recording"], "sources": [source]}),
        moved("fast", recording={**plain["recording"], "transforms": speed}),
        moved("length", recording={**plain["recording"], "duration": 9.0}),
        moved("custom", custom="x"),
        moved("theirs", supervisions=[{**said, "custom": "x"}]),
        moved("words", supervisions=[{**said, "alignment": {"word": [["turn", "x", 1]]}}]),
        moved("kinds", supervisions=[{**said, "alignment": [1]}]),
        moved("outside", supervisions=[{**said, "start": 1.5}]),
        moved("silent", supervisions=[]),
        moved("channel", channel=3, supervisions=[]),
        moved("nan", start=float("nan")),
        moved("good"),
        moved("good"),
    ]
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "cuts.jsonl").write_text("\n".join([*lines, '{"id": "cut', '{"id": "x", "id": "y"}', "[1]"]))
    cuts, rejects = imported(tmp_path / "cuts.jsonl", output=tmp_path / "out")
    assert list(cuts) == ["told-good"]
    reasons = {key.removeprefix("told-"): reason for key, (reason, _) in rejects.items()}
    assert reasons == dict.fromkeys(
        ("mixed", "bare", "late", "custom", "theirs", "words", "kinds", "outside", "nan", "y"), "bad_row"
    ) | {"url": "unsupported_audio", "fast": "unsupported_audio", "length": "duration_mismatch"} | {
        "silent": "text_missing", "channel": "channel_missing", "good": "duplicate_id",
        "cuts.jsonl:17": "bad_row", "cuts.jsonl:19": "bad_row",
    }  # fmt: skip
    assert "save its audio with Lhotse first" in rejects["told-fast"][1]


def exported(tmp_path: Path, recording: Recording, kind: str) -> tuple[dict[str, Any], Path]:
    """Two cuts in a catalog, and what the export makes of it."""
    rows = [cut_of(recording), {**cut_of(recording), "id": "a/b", "start": 2.0}]
    rows[1]["custom"] = {"split": "test"}
    write_jsonl(tmp_path / "cuts.jsonl.gz", rows)
    cuts, _ = imported(tmp_path / "cuts.jsonl.gz", output=tmp_path / "out")
    places = ["--corpora", tmp_path / "out", "--labels", tmp_path / "labels", "--catalog", tmp_path / "catalog"]
    command("build", *places)
    target = tmp_path / ("back.jsonl.gz" if kind == "jsonl" else "back")
    command("export", target, "--format", kind, "--catalog", tmp_path / "catalog")
    return cuts, target


def test_export_to_jsonl_and_import_is_a_round_trip(tmp_path: Path, recording: Recording) -> None:
    cuts, target = exported(tmp_path, recording, "jsonl")
    assert imported(target, output=tmp_path / "again") == (cuts, {})


def test_export_to_shar_and_import_is_a_round_trip(tmp_path: Path, recording: Recording) -> None:
    cuts, target = exported(tmp_path, recording, "shar")
    again, rejects = imported(target, output=tmp_path / "again")
    assert (set(again), rejects) == (set(cuts), {})
    for key, cut in again.items():
        assert {name for name in cuts[key]["custom"] if cut["custom"][name] != cuts[key]["custom"][name]} == {
            "audio_sha256"
        }
        assert words(cut) == words(cuts[key]) == TIMES
        span = slice(round(cuts[key]["start"] * 16000), round((cuts[key]["start"] + 2.0) * 16000))
        assert (soundfile.read(cut["recording"]["sources"][0]["source"])[0] == recording.load_audio()[0, span]).all()


def test_lhotses_own_shar_and_a_damaged_one(tmp_path: Path, recording: Recording) -> None:
    rows = [{**cut_of(recording), "id": f"c{n}"} for n in range(4)]
    write_jsonl(tmp_path / "cuts.jsonl", rows)
    (tmp_path / "train").mkdir()
    CutSet.from_file(tmp_path / "cuts.jsonl").to_shar(tmp_path / "train", fields={"recording": "wav"}, shard_size=2)
    cuts, rejects = imported(tmp_path / "train", output=tmp_path / "out")
    assert (set(cuts), rejects) == ({f"told-c{n}" for n in range(4)}, {})
    assert {cut["custom"]["split"] for cut in cuts.values()} == {"train"}
    tar = tmp_path / "train" / "recording.000000.tar"
    tar.write_bytes(tar.read_bytes()[: 512 + 64044 + 2048 + 512])  # the second sound's header, and no more
    cuts, rejects = imported(tmp_path / "train", output=tmp_path / "out")
    assert set(cuts) == {"told-c0", "told-c2", "told-c3"}
    assert {key: reason for key, (reason, _) in rejects.items()} == {"told-c1": "audio_unreadable"}
    tar.unlink()
    with pytest.raises(MissingFileError, match=r"No such tar of recordings: .*recording.000000.tar"):
        imported(tmp_path / "train", output=tmp_path / "out")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"cuts.jsonl": '{"audio_filepath": "a"}\n'}, "holds no cuts, recordings or supervisions of Lhotse"),
        ({"s.jsonl": '{"id": "s", "recording_id": "r", "start": 0, "duration": 1}\n'}, "no recordings among them"),
        ({"r.jsonl": '{"id": "r", "sources": [], "sampling_rate": 1}\n'}, "no supervisions among them"),
        ({"notes.md": "x"}, "holds no manifest of Lhotse"),
        (
            {
                "r.jsonl": '{"id": "r", "sources": [], "sampling_rate": 1}\n',
                "c.jsonl": '{"id": "c", "recording": {}}\n',
            },
            "cuts beside recordings or supervisions",
        ),
    ],
)
def test_folders_of_something_else(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError, match=message):
        imported(tmp_path, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
