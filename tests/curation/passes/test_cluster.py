"""Schedulers that do not answer, and processes of this machine that die while they start or with their driver."""

from __future__ import annotations

import gc
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dask
import pytest

from curation.passes.cluster import DASKS_TRIM, TRIM, interrupts_kept, local_client, raise_interrupt, remote_client
from curation.passes.runner import run_pass
from manifests.errors import InputError
from tests.curation.dask_processes import DIES_ONCE, ROOT, until
from tests.curation.labelling import Counting, plain_rows, write_made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.passes.cluster.PATIENCE", 0.5)


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:9", "http://127.0.0.1:8787", "127.0.0.1", "tcp://127.0.0.1:abc", "tls://127.0.0.1:9", "", "nil:"],
)
def test_an_address_without_a_scheduler_is_named(address: str) -> None:
    with pytest.raises(InputError, match="No Dask scheduler answers at") as error, remote_client(address):
        pass
    assert f"at {address} (" in str(error.value) and "\n" not in str(error.value)


def test_a_server_that_says_nothing_is_no_scheduler() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(InputError, match=f"No Dask scheduler answers at {address}"), remote_client(address):
            pass


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_web_server_is_no_scheduler(web: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=f"No Dask scheduler answers at {web}"), remote_client(web):
        pass
    assert "Traceback" not in capfd.readouterr().err


@contextmanager
def preload(path: Path, text: str) -> Iterator[None]:
    """Have worker processes run a text as they start."""
    path.write_text(textwrap.dedent(text))
    with dask.config.set({"distributed.worker.preload": [str(path)]}):
        yield


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_made(tmp_path / "corpora" / "made", plain_rows(12))


def test_a_process_that_is_killed_as_it_starts_ends_nothing(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flag = tmp_path / "killed"
    with preload(tmp_path / "killer.py", DIES_ONCE.format(flag=str(flag))):
        summary = run_pass(Counting(tmp_path / "log", {}), corpus, tmp_path / "labels", workers=2, shard_size=4)
    assert flag.exists() and (summary.labelled, summary.rejected) == (12, 0)
    said = capfd.readouterr().err
    assert "starting again" in said and "Traceback" not in said


def test_processes_that_always_die_as_they_start_are_an_error(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    always = preload(tmp_path / "killer.py", "import os\nos.kill(os.getpid(), 9)")
    with always, pytest.raises(InputError, match="die while they start"):
        run_pass(Counting(tmp_path / "log", {}), corpus, tmp_path / "labels", workers=1, shard_size=4)
    assert "Traceback" not in capfd.readouterr().err


def test_what_dask_sets_for_workers_is_not_set_for_the_children_of_their_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory that goes back after each array made trainings that the demo started later a fifth slower."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv(TRIM, raising=False)
    before = dict(os.environ)
    with local_client(1) as client:
        (worker,) = client.run(lambda: dict(os.environ)).values()
    assert dict(os.environ) == before
    assert worker["OPENBLAS_NUM_THREADS"] == "1" and TRIM not in worker
    default = dask.config.get("distributed.nanny.pre-spawn-environ")[TRIM]
    assert str(default) == DASKS_TRIM, "what a worker of others has is left out of what it starts, if it is this"


def press_once(phase: str, info: dict[str, int]) -> None:
    """Ctrl-C that arrives in a callback of the collector of garbage."""
    gc.callbacks.remove(press_once)
    signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_that_python_drops_is_not_lost() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts_kept():
            raise_interrupt()
            gc.callbacks.append(press_once)
            gc.collect()
            with pytest.raises(KeyboardInterrupt):
                raise_interrupt()
            raise_interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


DRIVER = """
    import gc
    import os
    import signal
    import sys
    import threading
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from curation.passes.isolation import label_isolated
    from curation.passes.runner import run_pass
    from tests.curation.labelling import Counting, plain_rows

    def press_once(*_):
        if threading.current_thread() is threading.main_thread() and os.path.exists({flag!r}):
            gc.callbacks.remove(press_once)
            os.killpg(0, signal.SIGINT)

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
        job = Counting(Path({log!r}), {{"made-0005": "hold_once"}})
        {call}
"""
DROPPED = "gc.callbacks.append(press_once); gc.set_threshold(50); "
CLUSTER = "run_pass(job, Path({corpus!r}), Path({labels!r}), workers=1, shard_size=4)"
ISOLATED = "label_isolated(job, list(plain_rows(12)), 'key', Path({labels!r}))"


@pytest.mark.parametrize(
    ("call", "number"),
    [(CLUSTER, signal.SIGINT), (DROPPED + CLUSTER, None), (CLUSTER, signal.SIGKILL), (ISOLATED, signal.SIGKILL)],
    ids=["Ctrl-C", "Ctrl-C that Python drops", "killed", "killed in isolation"],
)
def test_no_process_outlives_its_driver(corpus: Path, tmp_path: Path, call: str, number: int | None) -> None:
    places = {"corpus": str(corpus), "labels": str(tmp_path / "labels")}
    script, flag = tmp_path / "driver.py", tmp_path / "made-0005.flag"
    names = {"root": str(ROOT), "log": str(tmp_path / "log"), "flag": str(flag)}
    text = textwrap.dedent(DRIVER).format(**names, call=call.format(**places))
    script.write_text(text)
    with (tmp_path / "said").open("wb") as stream:
        driver = subprocess.Popen([sys.executable, script], start_new_session=True, stderr=stream)
    until(lambda: flag.exists() or driver.poll() is not None, "the cut that is held")
    if number == signal.SIGINT:
        os.killpg(driver.pid, number)  # as a terminal does
    elif number == signal.SIGKILL:
        driver.kill()
    assert driver.wait(timeout=120) in ({1, -signal.SIGINT} if number != signal.SIGKILL else {-number})
    until(lambda: not in_session(driver.pid), f"the end of {in_session(driver.pid)}")
    said = (tmp_path / "said").read_text()
    # The driver's own: it is not the command line. What Python drops, it shows.
    assert ("Traceback" in said) == (number != signal.SIGKILL)


def in_session(number: int) -> list[str]:
    """Processes that were started by the process of this number."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            found += [path.parent.name] if session == str(number) and state != "Z" else []
    return found
