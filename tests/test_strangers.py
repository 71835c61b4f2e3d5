"""What files of strangers cannot do: run code, be fetched, or reach what is outside their folder."""

from __future__ import annotations

import ast
import gzip
import json
import pickle
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from curation.plan.mixture import load_mixture
from curation.reader import PlanDraw
from curation.reader.rows import lhotse_cut, stored_frames
from manifests.audio import CutSound, audio_facts, read_cut
from manifests.audio.streams import open_libav
from manifests.errors import AudioError, InputError
from manifests.lines.jsonl import rows
from soundwave.model.pretrained import load_causal
from soundwave.train.settings import load_stage
from tests.curation.synthetic_catalog import mono_cut

ROOT = Path(__file__).parents[1]
SOURCES = [path for floor in ("manifests", "recipes", "curation", "soundwave") for path in (ROOT / floor).rglob("*.py")]
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}  # modules that run what they read


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _unsafe(call: ast.Call) -> bool:
    name = _dotted(call.func)
    options = {option.arg: getattr(option.value, "value", None) for option in call.keywords}
    loose = {"allow_pickle", "trust_remote_code", "shell"}
    return (
        any(options.get(flag) is True for flag in loose)
        or name in ("eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.full_load", "yaml.unsafe_load")
        or (name == "torch.load" and options.get("weights_only") is not True)
        or (name.endswith((".extractall", ".unpack_archive")) and options.get("filter") != "data")
    )


def test_nothing_here_runs_what_it_reads() -> None:
    found = []
    # Dask's processes send each other pickles; one file speaks to them, and reads no file of anybody's.
    for path in set(SOURCES) - {ROOT / "curation/passes/cluster.py"}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported = [part.name for part in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            odd = UNSAFE.intersection(name.partition(".")[0] for name in imported)
            if odd or (isinstance(node, ast.Call) and _unsafe(node)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:80]}")
    assert not found, "\n".join(found)


def test_the_search_for_such_calls_finds_them() -> None:
    calls = ["eval(x)", "np.load(p, allow_pickle=True)", "torch.load(p)", "yaml.load(s)", "tar.extractall(d)",
             "A.from_pretrained(p, trust_remote_code=True)", "subprocess.run(c, shell=True)"]  # fmt: skip
    fine = ["np.load(p)", "torch.load(p, weights_only=True)", "yaml.safe_load(s)", "tar.extractall(d, filter='data')"]
    found = [_unsafe(ast.parse(call).body[0].value) for call in calls + fine]  # type: ignore[attr-defined]
    assert found == [True] * len(calls) + [False] * len(fine)


def test_a_pickle_in_a_matrix_of_features_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.array([Bomb(tmp_path / "ran")], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"array can't be memory-mapped|pickle|Python objects"):
        stored_frames(str(tmp_path / "features.npy"), 0, 1)
    assert not (tmp_path / "ran").exists()


def test_a_model_folder_of_a_stranger_runs_nothing(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(ran)!r}).touch()\n"
    for name, weights in (("remote", None), ("pickled", pickle.dumps(Bomb(ran)))):
        folder = tmp_path / name
        folder.mkdir()
        automatic = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"} if weights is None else {}
        size = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 8}
        config = {"model_type": "llama", "intermediate_size": 8, **size, "auto_map": automatic}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "own.py").write_text(code)
        if weights is not None:
            (folder / "pytorch_model.bin").write_bytes(weights)
        with pytest.raises(InputError):
            load_causal(str(folder), None)
        assert not ran.exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch ran']", "!!python/name:os.system", "!x 1"])
def test_a_tag_in_a_settings_file_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(f"stage: {tag}\n")
    for load in (load_mixture, load_stage):
        with pytest.raises(InputError):
            load(tmp_path / "m.yaml")
    assert not (tmp_path / "ran").exists()


def test_the_sound_of_a_cut_is_never_the_output_of_a_command_or_fetched(tmp_path: Path) -> None:
    row = mono_cut("syn-0")
    for kind, source in (("command", f"touch {tmp_path}/ran"), ("url", "http://127.0.0.1:9/a.wav")):
        row["recording"]["sources"] = [{"type": kind, "channels": [0], "source": source}]
        with pytest.raises(InputError):
            read_cut(CutSound.of_manifest(row))
        manifests = [json.dumps(row), json.dumps({"type": "MixedCut", "tracks": [{"cut": row}]})]
        for manifest in manifests:
            with pytest.raises(InputError, match="a command or an address"):
                lhotse_cut(PlanDraw(0, 0, "syn-0", "asr", 0, 1.0, 1.0), {"manifest": manifest, "decoding": None})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["http:x.mp3", "concat:a.mp3|b.mp3", "pipe:0", "data:audio", "tcp:x"])
def test_a_file_whose_name_is_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "a.mp3", np.zeros(16000), 16000, format="MP3")
    (tmp_path / "a.mp3").rename(tmp_path / name)
    with open_libav(Path(name)) as container:
        assert container.streams.audio[0].rate == 16000


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n# {}\n",
    ],
)
def test_a_list_of_other_files_is_no_audio(tmp_path: Path, text: str) -> None:
    soundfile.write(tmp_path / "secret.mp3", np.zeros(16000), 16000, format="MP3")
    for suffix in (".mp3", ".m3u8", ".m4a", ".ogg"):
        path = tmp_path / f"list{suffix}"
        path.write_text(text.format(tmp_path / "secret.mp3"))
        with pytest.raises(AudioError):
            audio_facts(path)


def test_a_line_that_unpacks_to_gigabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "cuts.jsonl.gz", "wb") as stream:
        for _ in range(64):
            stream.write(b"0" * (1 << 20))
    tracemalloc.start()
    refused = [row for _, row in rows(tmp_path / "cuts.jsonl.gz") if isinstance(row, str)]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(refused) == 1 and most < 50e6  # of 67 MB


def test_the_security_page_names_tests_that_there_are() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) >= 15
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
