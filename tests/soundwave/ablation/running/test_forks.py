"""Jobs that one process becomes: each by itself, with its own code, log and answer, and gone when we are."""

import os
import signal
import sys
import threading

import pytest

from soundwave.ablation.commands import CHILD, one_thread
from soundwave.ablation.execute import Job, LocalProcess, run_jobs
from soundwave.ablation.running import forks as forking
from soundwave.ablation.running.forks import Forks, can_fork, forked_launch

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forks once torch is loaded")


@pytest.fixture
def forks():
    made = Forks(one_thread(), imports=("tests.soundwave.ablation.running.waits",))
    yield made
    made.close()


@pytest.fixture
def start(tmp_path, forks):
    """Start `soundwave WORDS` as a fork; (its process, its log, what it answered, an event when it has ended)."""
    running = []

    def started(*words, answers=False):
        name = f"job-{len(running)}"
        stdout = tmp_path / f"{name}.out" if answers else None
        job = Job(name, name, (*CHILD, *words), tmp_path / f"{name}.log", lambda: True, stdout=stdout)
        ended = threading.Event()
        running.append(LocalProcess(job, one_thread(), lambda _: ended.set(), start=forks.start))
        return running[-1], job, ended

    yield started
    for process in running:
        process.stop()
        process.close()


def waiting(tmp_path, name="waits"):
    """A pipe that nobody writes to: whoever reads it waits."""
    path = tmp_path / name
    os.mkfifo(path)
    return path


def test_each_has_its_code_its_log_and_its_answer(start, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # relative paths are those of here and now
    good, job, ended = start("--version", answers=True)
    assert ended.wait() and good.code == 0
    assert job.stdout.read_text().startswith("soundwave ") and job.log.read_text() == ""
    bad, job, ended = start("train", "nowhere.yaml", "--plan", "p", "--output", "o")
    assert ended.wait() and bad.code == 2
    assert job.log.read_text().startswith("error: ") and "nowhere.yaml" in job.log.read_text()


def test_one_that_is_killed_takes_nobody_with_it(start, tmp_path):
    first, _, first_ended = start("wait", str(waiting(tmp_path, "a")))
    second, job, second_ended = start("wait", str(waiting(tmp_path, "b")))
    os.kill(first._process.pid, signal.SIGKILL)
    assert first_ended.wait() and first.code == -signal.SIGKILL
    assert second.code is None and first._process.pid != second._process.pid
    (tmp_path / "b").write_text("5")
    assert second_ended.wait() and second.code == 5 and job.log.read_text() == "told 5\n"


def test_a_fork_ends_when_it_is_stopped_and_when_our_end_closes(start, tmp_path):
    stopped, _, _ = start("wait", str(waiting(tmp_path, "a")))
    stopped.stop()
    assert stopped.code == -signal.SIGTERM
    orphan, _, ended = start("wait", str(waiting(tmp_path, "b")))
    orphan._process.stdin.close()  # as when this process is killed
    assert ended.wait() and orphan.code == -signal.SIGTERM


def test_a_killed_process_that_forks_leaves_its_forks_and_another_one_follows(start, forks, tmp_path):
    running, job, ended = start("wait", str(waiting(tmp_path)))
    assert running._process.pid
    forks._process.kill()
    forks._process.wait()
    later, _, later_ended = start("--version")
    assert later_ended.wait() and later.code == 0
    (tmp_path / "waits").write_text("4")
    assert ended.wait() and running.code == 4 and job.log.read_text() == "told 4\n"


def test_another_program_is_started_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(forking, "can_fork", lambda: True)
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); print('said'); sys.exit(int(sys.argv[2]))"
    jobs = [
        Job(f"job-{code}", f"job-{code}", (sys.executable, "-c", script, str(tmp_path / f"{code}.done"), str(code)),
            tmp_path / f"{code}.log", (tmp_path / f"{code}.done").exists)
        for code in (0, 3)
    ]  # fmt: skip
    with forked_launch(jobs, one_thread()) as launch:
        assert launch is not None
        outcome = run_jobs(jobs, 1, launch=launch)
    assert outcome.finished == ["job-0"] and outcome.failed == {"job-3": "said"}


def test_one_job_and_a_machine_with_a_device_have_interpreters_of_their_own(tmp_path, monkeypatch):
    job = Job("a", "a", (*CHILD, "--version"), tmp_path / "a.log", lambda: True)
    monkeypatch.setattr(forking, "can_fork", lambda: True)
    with forked_launch([job], {}) as launch:
        assert launch is None
    monkeypatch.undo()
    device = tmp_path / "device"
    monkeypatch.setattr(forking, "DRIVERS", (str(device),))
    assert can_fork()
    device.touch()
    assert not can_fork()
    with forked_launch([job, job], {}) as launch:
        assert launch is None
