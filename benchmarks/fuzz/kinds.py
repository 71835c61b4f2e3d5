"""What is mutated, which commands read it, and how one knows that they took it wrongly (the oracles)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq
import soundfile
import yaml

from benchmarks.fuzz.drive import Done

OUT = "out"  # what commands write; removed after each input
Words = Sequence[str] | Callable[[], None]
LABEL = ("--corpora", "corpora", "--labels", "labels", "--workers", "0", "--shard-size", "4", "--json")
BUILD = ("catalog", "build", "--corpora", "corpora", "--labels", "labels", "--catalog", f"{OUT}/catalog", "--json")
CATALOG = ("--catalog", "catalog")
ABOUT = ("--license", "CC0-1.0", "--language", "en", "--output", OUT, "--json")
TABLES = ("cuts", "words", "labels", "rejects")
QUARTER = 0.25  # seconds that codecs pad
UNREAD = {"run.json": ("key", "status", "step", "version")}  # keys that the commands here do not use


@dataclass(frozen=True)
class Input:
    """One mutated file, in a workspace that is the working folder."""

    target: Path
    data: bytes
    original: bytes
    before: Before


@dataclass(frozen=True)
class Before:
    """What the same commands did with the file as it was."""

    done: list[Done]
    facts: Any


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    files: tuple[str, ...]  # patterns
    form: str  # of the content, as `mutate` takes it
    commands: Callable[[Path], list[Words]]
    wrong: Callable[[Input, list[Done]], str] = field(default=lambda *_: "")  # of what the commands took
    facts: Callable[[], Any] = field(default=lambda: None)  # of what they wrote
    weight: int = 4
    codes: tuple[int, ...] = (0,)  # exit codes of commands that took the file


# Oracles: '' if all is well, else what is wrong


def same_facts(kind: str, now: Callable[[], Any], case: Input, done: list[Done]) -> str:
    """What was written is what was written of the whole file."""
    return "" if now() == case.before.facts else f"{kind} are other rows than those of the file as it was"


def same_output(case: Input, done: list[Done]) -> str:
    """Every command prints what it prints of the whole file."""
    return "" if [one.out for one in done] == [one.out for one in case.before.done] else "another answer"


def strict_json(data: bytes) -> Any:
    """JSON by the letter: UTF-8, no key twice; NaN and Infinity, which `json` writes, are bytes, as nothing else is.

    Raises:
        ValueError: it is none.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key occurs twice")
        return found

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=str.encode)
    except RecursionError as error:
        raise ValueError("too deep") from error


def json_of_kind(case: Input, done: list[Done]) -> str:
    """It is JSON, and each value has the type that it had."""
    try:
        value = strict_json(case.data)
    except ValueError as error:
        return f"no JSON: {error}"
    known = json.loads(case.original)
    read = [key for key in known if key not in UNREAD.get(case.target.name, ()) and known[key] is not None]
    wrong = [key for key in read if key in value and _type(value[key]) != _type(known[key])]
    return f"types of {wrong}" if wrong else ""


def _type(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


class _Unique(yaml.SafeLoader):
    """YAML in which no mapping has a key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)


def yaml_by_letter(case: Input, done: list[Done]) -> str:
    """It is YAML and UTF-8, and no key stands twice."""
    try:
        return "" if isinstance(yaml.load(case.data.decode("utf-8"), _Unique), dict) else "no mapping"
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        return f"no YAML: {str(error)[:200]}"


def utf8(case: Input, done: list[Done]) -> str:
    """It is UTF-8."""
    try:
        case.data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"no UTF-8: {error}"
    return ""


def filled(data: bytes, packed: bool) -> list[bytes] | None:
    """Lines that are not empty; None of packed data that cannot be unpacked."""
    if packed:
        try:
            data = gzip.decompress(data)
        except Exception:  # damaged in any way
            return None
    lines = [line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r") for line in data.split(b"\n")]
    return [line for line in lines if line]


def every_line(where: str, case: Input, done: list[Done]) -> str:
    """Each line of the file became a cut or a reject."""
    lines = filled(case.data, case.target.suffix == ".gz")
    if lines is None:
        return "packed data that do not unpack"
    info = json.loads(Path(where, "corpus.json").read_bytes())
    count = info["cuts"] + info["rejects"]
    return "" if count >= len(lines) else f"{len(lines)} lines, {info['cuts']} cuts and {info['rejects']} rejects"


def cuts_kept(case: Input, done: list[Done]) -> str:
    """Each line became a row or a reject; the rows are lines of the file, and JSON (numbers that count are finite)."""
    if case.target.name.startswith("rejects"):
        return "" if filled(case.data, True) is not None else "packed data that do not unpack"
    sources = [Path("corpora/fuzz") / name for name in ("cuts.jsonl.gz", "texts.jsonl.gz")]
    read = [filled(path.read_bytes(), True) for path in sources]
    if None in read:
        return "packed data that do not unpack"
    lines = [line for found in read for line in found or ()]
    rows = _rows("cuts", ["manifest"])
    refused = [row for row in _rows("rejects", ["pass"]) if row["pass"] == "catalog"]
    if len(rows) + len(refused) != len(lines):
        return f"{len(lines)} lines, {len(rows)} rows, {len(refused)} rejects"
    known = set(lines)
    for row in rows:
        line = row["manifest"].encode()
        if line not in known:
            return f"a row is no line of the file: {line[:200]!r}"
        try:
            # NaN where no column reads it: Lhotse writes it, and every reader takes it; ours take any number of digits.
            json.loads(line, parse_int=str)
        except (ValueError, RecursionError) as error:
            return f"a row is no JSON: {error}"
    return ""


def _rows(table: str, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    paths = sorted(Path(OUT, "catalog", table).glob("*/*.parquet"))
    rows = [row for path in paths for row in pq.ParquetFile(path).read(columns).to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def built() -> dict[str, Any]:
    """The rows of the catalog that was built."""
    return {table: _rows(table) for table in TABLES}


def length(case: Input, done: list[Done]) -> str:
    """The cut is as long as what another library decodes."""
    rows = [json.loads(line) for line in filled(Path(OUT, "fuzz/cuts.jsonl.gz").read_bytes(), True) or ()]
    found = {row["duration"] for row in rows}
    heard = [seconds for seconds in (_soundfile(case.target), _libav(case.target)) if seconds is not None]
    if any(all(abs(seconds - one) > QUARTER for one in heard) for seconds in found):
        return f"lengths {found}, others decode {heard}"
    return ""


def _soundfile(path: Path) -> float | None:
    try:
        samples, rate = soundfile.read(path)
    except Exception:  # whatever the library says
        return None
    return len(samples) / rate


def _libav(path: Path) -> float | None:
    try:
        with av.open(str(path), metadata_errors="replace") as container:  # tags may be in any encoding
            lenient = container.format.name == "mp3"  # tags between glued files look like frames
            return sum(_packet(packet, lenient=lenient) for packet in container.demux(audio=0))
    except Exception:  # whatever the library says
        return None


def _packet(packet: Any, *, lenient: bool) -> float:
    try:
        return sum(frame.samples / frame.sample_rate for frame in packet.decode())
    except av.error.InvalidDataError:
        if lenient:
            return 0.0
        raise


def trained() -> dict[str, Any]:
    """What a run that was gone on with has learned, and the rows that it says so of."""
    run = Path("speech/runs/half")
    weights = (run / "final/adapters.safetensors").read_bytes()
    steps = [json.loads(line)["step"] for line in filled((run / "metrics.jsonl").read_bytes(), False) or ()]
    return {"weights": weights, "draws": len(pq.read_table(run / "ledger.parquet")), "steps": steps}


def gone_on(case: Input, done: list[Done]) -> str:
    """It learned what it would have learned; where rows of its records are lost, that was said.

    Values in these growing files have no checksum: one that became another is not found.
    """
    now, before = trained(), case.before.facts
    if now["weights"] != before["weights"]:
        return "it learned something else"
    return "" if now == before or case.target.name in done[-1].err else "rows of its records are lost, and nobody said"


def still_json(case: Input, done: list[Done]) -> str:
    """What is called JSON is JSON."""
    if case.target.suffix != ".json":
        return ""
    try:
        return "" if isinstance(json.loads(case.data.decode("utf-8")), dict) else "no object"
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"


def all_columns(case: Input, done: list[Done]) -> str:
    """Every row of the dataset became a cut or a reject."""
    try:
        count = pq.read_table(case.target).num_rows
    except Exception:  # damaged: then it may not be taken
        return "no Parquet file"
    info = json.loads(Path(OUT, "fuzz/corpus.json").read_bytes())
    return "" if info["cuts"] + info["rejects"] == count else f"{count} rows, {info['cuts']} + {info['rejects']}"


def none_lost(case: Input, done: list[Done]) -> str:
    """Three samples, or something is said to be wrong."""
    info = json.loads(Path(OUT, "fuzz/corpus.json").read_bytes())
    return "" if info["cuts"] >= 3 or info["rejects"] else f"{info['cuts']} cuts of 3 samples, and no reject"


# Commands


def _import(kind: str, source: str, *more: str) -> list[Words]:
    return [("catalog", "import", kind, source, "--corpus", "fuzz", *ABOUT, *more)]


def _sql(table: str) -> Words:
    return ("sql", f"SELECT * FROM {table} ORDER BY ALL", *CATALOG, "--json")


def _validate() -> None:
    """Every line of the manifest to `validate_rows`, which promises a problem and never an exception."""
    from manifests import validate_rows

    for line in filled(Path("corpora/fuzz/cuts.jsonl.gz").read_bytes(), True) or ():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        list(validate_rows([row, row]))


def _afresh() -> None:
    """Forget encoders that another input loaded in this process: a command begins without."""
    from curation.encoders import load_encoder

    load_encoder.cache_clear()


def _fixed(*commands: Words) -> Callable[[Path], list[Words]]:
    return lambda _: list(commands)


_MIX = ("mixtures/src/mix.yaml", *CATALOG)
_LEDGER = ("ledger", "runs", *CATALOG, "--plans", "mixtures", "--json")
_ASK = ("infer", "speech/runs/done", "sources/audio/a.wav", "--json", "--max-new-tokens", "4", "--beams", "1")
_RESUME = ("train", "speech/train.yaml", "--plan", "speech/mixtures/mix", "--output", "speech/runs/half")
_SEGMENT = ("segment", "book.wav", "book.txt", "--output", f"{OUT}/book", "--backend", "soundwave", "--json")
_BUILT = partial(same_facts, "the catalog's", built)
KINDS: dict[str, Kind] = {
    "cuts": Kind(("corpora/fuzz/*.jsonl.gz",), "jsonl", _fixed(BUILD), cuts_kept, weight=8),
    "label": Kind(("corpora/fuzz/cuts.jsonl.gz",), "jsonl", _fixed(_validate, ("label", "quality", *LABEL))),
    "corpus": Kind(("corpora/fuzz/corpus.json",), "json", _fixed(("label", "quality", *LABEL), BUILD), _BUILT, built),
    "nemo": Kind(
        ("sources/nemo.json",),
        "jsonl",
        _fixed(*_import("nemo", "sources/nemo.json")),
        partial(every_line, f"{OUT}/fuzz"),
    ),
    "kaldi": Kind(("sources/kaldi/[!0-9]*",), "text", _fixed(*_import("kaldi", "sources/kaldi")), weight=6),
    "huggingface": Kind(
        ("sources/hub/*.parquet",), "bytes", _fixed(*_import("huggingface", "sources/hub")), all_columns, weight=1
    ),
    "streaming": Kind(
        ("sources/hub/*.parquet",),
        "bytes",
        _fixed(*_import("huggingface", "sources/hub", "--streaming")),
        all_columns,
        weight=1,
    ),
    "webdataset": Kind(("sources/web/*.tar",), "bytes", _fixed(*_import("webdataset", "sources/web")), none_lost),
    "tars": Kind(
        ("sources/tarred/*.tar",), "bytes", _fixed(*_import("nemo", "sources/tarred/manifest_0.json")), none_lost
    ),
    "tarred": Kind(
        ("sources/tarred/*.json",),
        "jsonl",
        _fixed(*_import("nemo", "sources/tarred/manifest_0.json")),
        partial(every_line, f"{OUT}/fuzz"),
    ),
    "librispeech": Kind(
        ("sources/libri/dev-clean/12/34/*",),
        "text",
        _fixed(("prepare", "librispeech", "--source", "sources/libri", "--output", OUT, "--json")),
    ),
    "quiz": Kind(
        ("sources/quiz/usr/share/games/bsdgames/quiz/*",),
        "text",
        _fixed(("prepare", "bsdgames_quiz", "--source", "sources/quiz", "--output", OUT, "--json")),
        weight=2,
    ),
    "audio": Kind(
        ("sources/audio/*[!n]",),
        "bytes",
        lambda target: _import("nemo", f"{target}.json", "--split", "train"),
        length,
        weight=8,
    ),
    "sound": Kind(("corpora/fuzz/audio/*.wav",), "bytes", _fixed(("label", "quality", *LABEL)), weight=2),
    "labels": Kind(("labels/*/fuzz/*",), "json", _fixed(BUILD), _BUILT, built),
    "shards": Kind(("labels/quality/fuzz/*",), "json", _fixed(("label", "quality", *LABEL), BUILD), _BUILT, built),
    "index": Kind(("catalog/catalog.json",), "json", _fixed(*map(_sql, TABLES)), same_output),
    "parts": Kind(("catalog/*/fuzz/*.parquet",), "bytes", _fixed(*map(_sql, TABLES)), same_output),
    "export": Kind(
        ("catalog/cuts/fuzz/*.parquet",),
        "bytes",
        _fixed(("catalog", "export", f"{OUT}/x.jsonl", *CATALOG), ("audit", *CATALOG)),
        weight=2,
        codes=(0, 1),
    ),
    "mixture": Kind(
        ("mixtures/src/*.yaml",),
        "yaml",
        _fixed(("mix", "lint", *_MIX), ("mix", "plan", *_MIX, "--output", f"{OUT}/p")),
        yaml_by_letter,
    ),
    "select": Kind(("mixtures/src/mix.sql",), "text", _fixed(("mix", "lint", *_MIX)), utf8),
    "plan": Kind(
        ("mixtures/mix/plan.parquet",),
        "bytes",
        _fixed(
            ("mix", "show", "mixtures/mix", "--json"),
            ("mix", "diff", "mixtures/mix", "mixtures/mix", *CATALOG, "--json"),
        ),
        same_output,
    ),
    "lock": Kind(("mixtures/mix/lock.json",), "json", _fixed(("mix", "show", "mixtures/mix", "--json")), json_of_kind),
    "stage": Kind(("stage.yaml",), "yaml", _fixed(("train", "stage.yaml", "--show")), yaml_by_letter),
    "grid": Kind(
        ("grid.yaml",),
        "yaml",
        _fixed(("ablate", "grid.yaml", "--catalog", "nowhere", "--output", OUT)),
        weight=3,
        codes=(0, 2),
    ),
    "audit": Kind(
        ("audits/own.sql",),
        "text",
        _fixed(("audit", "own", "--audits", "audits", *CATALOG, "--plans", "mixtures")),
        utf8,
        codes=(0, 1),
    ),
    "run": Kind(("runs/one/run.json",), "json", _fixed(_LEDGER), json_of_kind, codes=(0, 1)),
    "ledger": Kind(("runs/*/ledger.*",), "jsonl", _fixed(_LEDGER), codes=(0, 1)),
    "report": Kind(
        ("runs/one/*.json*", "runs/two/lock.json", "catalog/catalog.json", "mixtures/mix/lock.json"),
        "json",
        _fixed(("report", ".", "--output", f"{OUT}/r.html")),
        weight=1,
    ),
    "checkpoint": Kind(("speech/runs/half/checkpoints/**/*",), "bytes", _fixed(_RESUME), gone_on, trained, weight=2),
    "resume": Kind(("speech/runs/half/*.*",), "jsonl", _fixed(_RESUME), gone_on, trained, weight=2),
    "final": Kind(
        ("speech/runs/done/final/*", "speech/runs/done/run.json"), "json", _fixed(_afresh, _ASK), same_output
    ),
    "llm": Kind(("speech/llm/*",), "json", _fixed(_afresh, _ASK), still_json, weight=6),
    "encoder": Kind(("speech/whisper/*",), "json", _fixed(_afresh, _ASK), still_json),
    "segment": Kind(
        ("book.txt",),
        "text",
        _fixed((*_SEGMENT, "--model", "speech/runs/done", "--refine", "none")),
        utf8,
        codes=(0, 1),
        weight=2,
    ),
    "mark": Kind(
        ("made/.soundwave",),
        "text",
        _fixed(("catalog", "build", "--corpora", "corpora", "--labels", "labels", "--catalog", "made")),
        weight=1,
    ),
}


LEARNED = {"checkpoint", "resume", "final", "llm", "encoder", "segment"}  # kinds that need `speech.make_speech`


def files(kind: Kind) -> list[Path]:
    """The files of a kind in the working folder, sorted."""
    return sorted({path for pattern in kind.files for path in Path().glob(pattern) if path.is_file()})


def chosen(names: Iterable[str]) -> list[str]:
    """Names of kinds, each as often as it is to be tried."""
    return [name for name in names for _ in range(KINDS[name].weight)]
