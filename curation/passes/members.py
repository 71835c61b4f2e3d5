"""The workers of a running Dask cluster that may have our shards: those that are like this process and see its files.

Each is asked before it gets work: which versions it has (`probe`), then whether it sees the labels and the audio, and
whether the pass can run there. At the start a worker that cannot work stops the command; one that joins later is named
and left out.
"""

from __future__ import annotations

import inspect
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.passes import probe
from curation.passes.cluster import say, submit_to
from curation.passes.shards import Row, Work
from manifests.errors import InputError
from manifests.files import atomic_write
from manifests.rows.places import audio_paths
from manifests.units import Seconds

if TYPE_CHECKING:
    from distributed import Client, Future

PATIENCE: Seconds = 30.0  # for a first worker, and for another one when all have gone
MOMENT: Seconds = 2.0  # between looks at who is there
_SPOKEN = ("Python", "dask", "distributed")  # what a scheduler must have as it is here
NAMED = 3  # workers that a message names
_SAME = "The versions must be those of this command."
_SHARED = (
    "Workers need the labels, the audio and the models of this command at the same paths: keep them on storage that "
    "all machines mount."
)
# `eval` is a name that every Python knows, and a text can be read by all: nothing of ours must be there.
_QUESTION = f"[space := {{'__name__': 'probe'}}, exec({inspect.getsource(probe)!r}, space), space['versions']()][2]"


@dataclass(frozen=True)
class Workplace:
    """What a worker must be able to do: run a pass, write to a folder and read some files."""

    job: Work
    folder: Path
    audio: tuple[str, ...]

    @classmethod
    def of(cls, job: Work, folder: Path, rows: Sequence[Row]) -> Workplace:
        """Of rows with absolute paths. Files that this process does not see either are a matter of the pass."""
        files = {str(path) for row in rows for path in audio_paths(row, Path())}
        return cls(job, folder, tuple(sorted(file for file in files if Path(file).is_file())))

    def trouble(self, token: Path) -> str:
        """Why the process that runs this cannot work here, "" if it can. token: a new file in the folder."""
        try:
            list(self.folder.iterdir())  # on a network disk this asks the server, and not a cache of names
            if not token.is_file():
                return f"its folder {self.folder} is another one"
            with atomic_write(token.with_suffix(".writable")) as written:
                written.touch()
            token.with_suffix(".writable").unlink()
            if unseen := [path for path in self.audio if not Path(path).is_file()]:
                return f"there is no {unseen[0]}"
            self.job.check()
        except FileNotFoundError as error:
            return f"there is no {error.filename}"
        except OSError as error:
            return f"{error.strerror}: {error.filename or self.folder}"
        except InputError as error:
            return str(error)
        return ""


class Members:
    """Who is in the cluster, and who of them may have work."""

    def __init__(self, client: Client, address: str) -> None:
        """Of the cluster whose scheduler is at `address`."""
        self._client, self._address = client, address
        self._here = probe.versions()
        self._wrong: dict[str, str] = {}  # worker -> why it gets no work; "": it may have some
        self._places: dict[Path, Workplace] = {}
        self._alive: list[str] = []
        self._looked = 0.0

    def usable(self) -> list[str]:
        """Addresses of the workers that may have work, sorted; as of the last look."""
        return [worker for worker in self._alive if self._wrong.get(worker) == ""]

    def require(self, place: Workplace) -> None:
        """Wait for a worker, and see that all that are there can work at `place`.

        Raises:
            InputError: there is no worker, or one that cannot; says which and why.
        """
        if place.folder in self._places:
            return
        if not self._places:
            self._check_scheduler()
        self._gather(strict=not self._places)
        self._judge(self._trouble(self.usable(), place), _SHARED, strict=True)
        self._places[place.folder] = place

    def look(self) -> list[str]:
        """`usable`, after a look at who has come and gone. When all have gone, it waits for others.

        Raises:
            InputError: no other came.
        """
        if time.monotonic() - self._looked > MOMENT or not self.usable():
            self._gather(strict=False)
        return self.usable()

    def _check_scheduler(self) -> None:
        """Raise InputError if the scheduler speaks another Dask. It needs nothing else of what is here."""
        here = {name: version for name, version in self._here.items() if name in _SPOKEN}
        if wrong := differences(here, self._client.run_on_scheduler(eval, _QUESTION, {})):
            raise InputError(f"The Dask scheduler at {self._address} is unlike this process: {wrong}. {_SAME}")

    def _gather(self, *, strict: bool) -> None:
        until: float | None = None
        while not self._meet(strict=strict):
            if until is None:
                until = time.monotonic() + PATIENCE
                say(f"The Dask scheduler at {self._address} has no worker for this: waiting {PATIENCE:g} s for one.")
            elif time.monotonic() > until:
                raise InputError(
                    f"The Dask scheduler at {self._address} has no worker for this, and none came in {PATIENCE:g} s. "
                    f"Start some with `dask worker {self._address}`, of one thread each, then run the same command "
                    "again: what is done is kept."
                )
            time.sleep(MOMENT / 10)

    def _meet(self, *, strict: bool) -> list[str]:
        self._alive = sorted(self._client.nthreads())
        self._looked = time.monotonic()
        if fresh := [worker for worker in self._alive if worker not in self._wrong]:
            self._judge(self._differences(fresh), _SAME, strict=strict)
            for place in self._places.values():
                good = [worker for worker in fresh if self._wrong.get(worker) == ""]
                self._judge(self._trouble(good, place), _SHARED, strict=strict)
        return self.usable()

    def _judge(self, found: Mapping[str, str], hint: str, *, strict: bool) -> None:
        self._wrong.update(found)
        wrong = [f"{worker}: {why}." for worker, why in found.items() if why]
        if not wrong:
            return
        more = f" And {len(wrong) - NAMED} more." if len(wrong) > NAMED else ""
        text = f"{' '.join(wrong[:NAMED])}{more} {hint}"
        if strict:
            raise InputError(f"Workers of the Dask scheduler at {self._address} cannot do this work: {text}")
        say(f"Workers that came to the Dask scheduler at {self._address} get no work: {text}")

    def _differences(self, workers: Sequence[str]) -> dict[str, str]:
        """Worker -> how its versions differ from those here."""
        answers = self._client.run(eval, _QUESTION, {}, workers=list(workers), on_error="return")
        there = self._client.nthreads()
        return {worker: differences(self._here, found) for worker, found in answers.items() if worker in there}

    def _trouble(self, workers: Sequence[str], place: Workplace) -> dict[str, str]:
        """Worker -> why it cannot work at a place; those that go meanwhile are left out."""
        token = place.folder / f".{uuid.uuid4().hex[:8]}.seen"
        token.touch()
        try:
            asked = {
                worker: submit_to(self._client, [worker], f"see-{uuid.uuid4().hex}", place.trouble, token)
                for worker in workers
            }
            return self._answers(asked)
        finally:
            token.unlink(missing_ok=True)

    def _answers(self, asked: Mapping[str, Future]) -> dict[str, str]:
        left, found = dict(asked), {}
        while left:
            alive = self._client.nthreads()
            left = {worker: future for worker, future in left.items() if worker in alive}
            for worker in [worker for worker, future in left.items() if future.done()]:
                found[worker] = _answer(left.pop(worker))
            time.sleep(MOMENT / 100 if left else 0)
        return found


def _answer(future: Future) -> str:
    try:
        return str(future.result())
    except Exception as error:  # it cannot even read the question: a pass or library is missing there
        return f"{type(error).__name__}: {error}"


def differences(here: Mapping[str, str], there: Any) -> str:
    """How the versions of a worker differ from those here, in words; "" if they do not.

    there: what `probe.versions` gave, or the exception that it raised.
    """
    if not isinstance(there, Mapping):
        return f"it cannot say its versions ({type(there).__name__}: {there})"
    return ", ".join(
        f"{name} {there[name]} and not {version}" if name in there else f"no {name}, expected {version}"
        for name, version in here.items()
        if there.get(name) != version
    )
