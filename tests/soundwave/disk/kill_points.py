"""Run commands in forked processes that are killed (-9) at each of the moments at which they change the disk.

    python -m tests.soundwave.disk.kill_points CASES.json     prints what went wrong, as a JSON list

A moment is a call of os.fsync, os.replace, os.rename, os.link or os.unlink: before it, all that came earlier has
happened. After each kill a reader must find the old result or the new one, and the same command must give the result
of an undisturbed run. Forks of a process that has only imported are cheap, so all moments can be tried.

Cases with `room` are not killed but find no room: files may have no more than so many bytes (a limit of the process),
or, with `mounted`, the file system has so many bytes left.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import re
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from manifests.digests import CHECKED, SEAL

CALLS = ("fsync", "replace", "rename", "link", "unlink")
# What no two runs have the same of: times, checksums of what holds them; old parts that are to be removed.
TIMES = ("seconds", "cpu_seconds", "wait_seconds", "encode_seconds", "gone", SEAL, "files")
LEFT = re.compile(r"\.[0-9a-f]{8}\.")  # a temporary file that a killed writer left


@dataclass(frozen=True)
class Case:
    """One command over a folder that holds its inputs and an older result."""

    words: list[str]
    folder: Path  # all that the command reads and writes
    result: str  # in the folder: what it writes
    look: str  # how a reader looks at the result: a function of LOOKS
    stride: int = 1  # only every so manieth moment
    room: tuple[int, ...] = ()  # bytes: not killed, but without room
    mounted: bool = False  # the folder is on a small file system of its own


def look_corpus(path: Path) -> str:
    """What a corpus says, and its files."""
    from manifests.rows import read_corpus

    return str(read_corpus(path)) + str(tree(path))


def look_plan(path: Path) -> str:
    """A plan, if it is its lock's."""
    from manifests.fingerprint import file_sha256
    from manifests.plans import read_lock

    lock = read_lock(path)
    assert file_sha256(path / "plan.parquet") == lock.plan_sha256
    return lock.plan_sha256 + lock.catalog_fingerprint


def look_forced_plan(path: Path) -> str:
    """The plan `small` of a folder of plans."""
    return look_plan(path / "small")


def look_forced_run(path: Path) -> str:
    """The run `one` of a folder of runs, which is whole, and its seed."""
    from manifests.runs import final_model, read_run

    return f"{final_model(path / 'one')} {read_run(path / 'one').settings['seed']}"


def look_catalog(path: Path) -> str:
    """The rows of a catalog."""
    from curation.catalog import catalog_fingerprint, connect

    with connect(path) as con:
        ids = con.execute("SELECT cut_id, text FROM cuts ORDER BY ALL").fetchall()
    return catalog_fingerprint(path) + str(ids)


def look_files(path: Path) -> str:
    """The bytes of all files."""
    return str(tree(path))


def look_finished(path: Path) -> str:
    """Whether labels or a run are marked finished: shards and checkpoints may be there before."""
    marks = [str(item) for name in ("pass.json", "final", "ledger.parquet") for item in path.rglob(name)]
    return f"finished {sorted(marks)}"


def look_nothing(path: Path) -> str:
    """Nothing: what is not finished is looked at by the same command alone."""
    return ""


LOOKS: dict[str, Callable[[Path], str]] = {
    name.removeprefix("look_"): value for name, value in globals().items() if name.startswith("look_")
}


def tree(path: Path) -> dict[str, str]:
    """File -> hash of its content, without times and without what killed writers left or checked."""
    files = (
        [path]
        if path.is_file()
        else sorted(item for item in path.rglob("*") if item.is_file() and item.name != CHECKED)
    )
    kept = [item for item in files if not any(LEFT.match(part) for part in item.relative_to(path.parent).parts)]
    return {str(item.relative_to(path.parent)): sha256(_content(item)).hexdigest() for item in kept}


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        return _tensors(data)
    if path.suffix not in (".json", ".jsonl"):
        return data
    lines = [data] if path.suffix == ".json" and b"}\n{" not in data else data.splitlines()  # NeMo's hold lines
    return json.dumps([_timeless(json.loads(line)) for line in lines]).encode()


def _tensors(data: bytes) -> bytes:
    """The tensors and notes of a safetensors file, whatever their order in its header."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    notes = header.pop("__metadata__", {})
    parts = {name: (row["dtype"], row["shape"], body[slice(*row["data_offsets"])]) for name, row in header.items()}
    return repr((sorted(notes.items()), sorted(parts.items()))).encode()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(part) for name, part in value.items() if name not in TIMES}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def start(words: list[str], *, at: int | None = None, count: Path | None = None, limit: int | None = None) -> Started:
    """Fork a process that runs `soundwave WORDS`; it is killed before call number `at`.

    count: a file for the number of calls and the names of modules. limit: bytes that a file may have.
    """
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return Started(child, read)
    code = 70
    try:
        os.dup2(write, 1)
        os.dup2(write, 2)
        calls = _count_calls(at)
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sys.argv = ["soundwave", *words]
        try:
            importlib.import_module("soundwave.cli").main()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        if count is not None:
            count.write_text(json.dumps({"calls": len(calls), "modules": list(sys.modules)}))
    finally:
        os._exit(code)


def undisturbed(case: Case, count: Path) -> tuple[int, str, int]:
    """Run a command; its exit code, what it said, and its calls. What it imported later forks have already."""
    code, said = start(case.words, count=count).end()
    found = json.loads(count.read_text()) if count.is_file() else {"calls": 0, "modules": []}
    for name in found["modules"]:
        if name not in sys.modules and not name.startswith("__"):
            with suppress(Exception):  # a module that cannot be imported by its name
                importlib.import_module(name)
    return code, said, found["calls"]


@dataclass(frozen=True)
class Started:
    """A process that was forked."""

    child: int
    output: int

    def end(self) -> tuple[int, str]:
        """Its exit code, negative for a signal, and what it said."""
        with os.fdopen(self.output, "rb") as stream:
            said = stream.read().decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1]), said[-1500:]


def _count_calls(at: int | None) -> list[str]:
    calls: list[str] = []
    for name in CALLS:
        real = getattr(os, name)

        def counting(*values: Any, real: Any = real, name: str = name, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*values, **options)

        setattr(os, name, counting)
    return calls


def looked(case: Case) -> str:
    """What a reader in a process of its own says of the result."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = LOOKS[case.look](case.folder / case.result)
        except Exception as error:  # whatever it is, it is no result
            said = f"{type(error).__name__}: {error}"
        os.write(write, sha256(said.encode()).hexdigest().encode() if ": " not in said[:40] else said.encode()[:400])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(child, 0)
    return said


def problems(case: Case) -> list[str]:
    """What goes wrong when a command is killed, and when it runs twice at once."""
    start_state, count = (case.folder.with_name(name) for name in ("start", "count"))
    case.folder.rename(start_state)
    _copy(start_state, case.folder)
    old, before = looked(case), temporaries(case.folder)
    code, said, calls = undisturbed(case, count)
    if code:
        return [f"undisturbed: exit {code}: {said}"]
    new, made = looked(case), tree(case.folder / case.result)
    found: list[str] = [] if new != old else ["the command changed nothing"] * (case.look != "nothing")
    for at in range(1, calls + 1, case.stride):
        _copy(start_state, case.folder)
        code, said = start(case.words, at=at).end()
        if code == 0:  # that many calls are made by a first run alone, which imports
            break
        if code != -signal.SIGKILL:
            found.append(f"{at}: not killed, exit {code}: {said}")
        if (seen := looked(case)) not in (old, new):
            found.append(f"{at}: neither old nor new: {seen}")
        code, said = start(case.words).end()
        if code and "Nothing was touched" not in said:  # it was all there before the kill
            found.append(f"{at}: the rerun ended with {code}: {said}")
        if left := temporaries(case.folder) - before:
            found.append(f"{at}: the rerun left {left}")
        found += _differences(f"{at}: rerun", made, tree(case.folder / case.result))
    found += twice(case, start_state, made)
    shutil.rmtree(start_state)
    return [*found, f"tried {calls}"]


def twice(case: Case, start_state: Path, made: dict[str, str]) -> list[str]:
    """What goes wrong when a command runs twice at once; one of the two may be refused, and is run again then."""
    _copy(start_state, case.folder)
    both = [start(case.words), start(case.words)]
    ends = [process.end() for process in both]
    found = [f"two at once: exit {code}: {said}" for code, said in ends if code and "Nothing was touched" not in said]
    for code, _ in ends:
        if code:
            start(case.words).end()
    return found + _differences("two at once", made, tree(case.folder / case.result))


def without_room(case: Case) -> list[str]:
    """What is wrong with a command that finds no room: its exit code, what it says, what it leaves."""
    start_state = case.folder.parent.parent / "start"
    shutil.copytree(case.folder, start_state, dirs_exist_ok=True)
    old, before, refused = looked(case), temporaries(case.folder), 0
    code, said, _ = undisturbed(case, start_state.with_name("count"))
    found = [f"undisturbed: exit {code}: {said}"] if code else []
    _copy(start_state, case.folder)
    for room in case.room:
        if case.mounted:
            _fill(case.folder.parent / "ballast", room)
        code, said = start(case.words, limit=None if case.mounted else room).end()
        where = f"{' '.join(case.words[:2])} with {room} bytes"
        refused += code == 2
        if code not in (0, 2) or "Traceback" in said:
            found.append(f"{where}: exit {code}: {said}")
        if code == 2 and not any(f"{text}." in said for text in REFUSALS):
            found.append(f"{where}: does not say why: {said}")
        if code == 2 and looked(case) != old:
            found.append(f"{where}: the old result is not whole: {looked(case)} {said}")
        if left := temporaries(case.folder) - before:
            found.append(f"{where}: left {left}")
        (case.folder.parent / "ballast").unlink(missing_ok=True)
        _copy(start_state, case.folder)
    shutil.rmtree(start_state)
    return found if refused else [*found, f"{case.words}: never refused"]


REFUSALS = [os.strerror(number) for number in (errno.ENOSPC, errno.EFBIG)]


def temporaries(folder: Path) -> set[str]:
    """Hidden files and folders that no result has."""
    return {str(path) for path in folder.rglob(".*") if LEFT.match(path.name) or path.name == ".commit.json"}


def _fill(ballast: Path, room: int) -> None:
    """Fill a file system until it has only so many bytes left."""
    free = shutil.disk_usage(ballast.parent).free
    ballast.write_bytes(b"x" * max(0, free - room))


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def _differences(when: str, made: dict[str, str], found: dict[str, str]) -> list[str]:
    odd = sorted(name for name in made.keys() | found.keys() if made.get(name) != found.get(name))
    return [f"{when}: other than undisturbed: {', '.join(odd)}"] if odd else []


def main() -> None:
    """Run the cases that the first word's file describes."""
    listed = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cases = [Case(**{**values, "folder": Path(values["folder"])}) for values in listed]
    sys.dont_write_bytecode = True  # which renames files, too
    importlib.import_module("soundwave.cli").build_app()
    print(json.dumps([line for case in cases for line in (without_room if case.room else problems)(case)]))


if __name__ == "__main__":
    main()
