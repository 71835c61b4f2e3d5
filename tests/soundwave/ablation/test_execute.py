"""The executor, on small scripts instead of trainings: order, reuse, failure, interruption."""

import json
import os
import signal
import subprocess
import sys

import pytest

from manifests.errors import InputError
from soundwave.ablation import execute
from soundwave.ablation.execute import Job, last_row, run_jobs

# Appends its name to a shared file when it starts, then makes its product.
SCRIPT = "import sys, pathlib; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); pathlib.Path(sys.argv[3]).touch()"
FAIL = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n'); print('the loss is not a number'); sys.exit(3)"


@pytest.fixture
def make(tmp_path):
    def job(name, needs=(), weight=1.0, script=SCRIPT, *, soon=False):
        product = tmp_path / f"{name}.done"
        command = (sys.executable, "-S", "-c", script, str(tmp_path / "order"), name, str(product))
        return Job(name, name, command, tmp_path / f"{name}.log", product.exists, tuple(needs), weight, soon)

    return job


def order(tmp_path):
    return (tmp_path / "order").read_text().split()


def test_longest_chain_first_whatever_the_order_given(tmp_path, make):
    jobs = [make("short", weight=2), make("long-2", ["long-1"], 5), make("long-1", weight=1), make("mid", weight=4)]
    outcome = run_jobs(jobs, 1)
    assert order(tmp_path) == ["long-1", "long-2", "mid", "short"]
    assert set(outcome.finished) == {"long-1", "long-2", "mid", "short"}
    (tmp_path / "order").unlink()
    again = run_jobs(list(reversed(jobs)), 1)
    assert set(again.reused) == {"long-1", "long-2", "mid", "short"}
    assert not (tmp_path / "order").exists()


def test_what_shows_something_comes_before_longer_jobs(tmp_path, make):
    """A sweep's evaluations do not wait for all trainings: what a kill leaves is whole cells."""
    jobs = [make(f"train-{n}", weight=5 - n) for n in range(3)]
    jobs += [make(f"eval-{n}", [f"train-{n}"], 0.2, soon=True) for n in range(3)]
    run_jobs(jobs, 1)
    assert order(tmp_path) == ["train-0", "eval-0", "train-1", "eval-1", "train-2", "eval-2"]


def test_a_failure_shows_its_log_skips_what_needs_it_and_lets_others_go_on(tmp_path, make, capsys):
    jobs = [make("bad", script=FAIL, weight=9), make("after", ["bad"]), make("later", ["after"]), make("good")]
    outcome = run_jobs(jobs, 2)
    assert "the loss is not a number" in outcome.failed["bad"]
    assert sorted(outcome.skipped) == ["after", "later"]
    assert outcome.finished == ["good"]
    shown = capsys.readouterr().err
    assert "bad ended with code 3" in shown and "the loss is not a number" in shown


def test_ending_well_without_a_product_is_a_failure(make):
    outcome = run_jobs([make("idle", script="pass")], 1)
    assert outcome.failed == {"idle": "(the log is empty)"}


def test_unknown_and_circular_needs_are_refused(make):
    with pytest.raises(InputError, match="needs ghost"):
        run_jobs([make("a", ["ghost"])], 1)
    with pytest.raises(InputError, match="ring: a -> b -> a"):
        run_jobs([make("a", ["b"]), make("b", ["a"])], 1)


def test_an_interrupt_stops_the_children(tmp_path, make, monkeypatch):
    hang = "import sys, time, os; open(sys.argv[3] + '.pid', 'w').write(str(os.getpid())); time.sleep(600)"
    job = make("hang", script=hang)

    def interrupt(self, running):  # as if Ctrl-C arrived once the child is up
        if (tmp_path / "hang.done.pid").exists() and (tmp_path / "hang.done.pid").read_text():
            raise KeyboardInterrupt

    monkeypatch.setattr(execute._Executor, "_show", interrupt)
    monkeypatch.setattr(execute, "POLL", 0.02)
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job], 1)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "hang.done.pid").read_text()), 0)


def test_a_child_dies_with_its_parent():
    # `soundwave --help` would end by itself, so the child is given the watcher alone and nothing else to do.
    code = (
        "import os, threading; from soundwave.cli._child import stop_at_end_of\n"
        "stop_at_end_of(os.fdopen(os.dup(0), 'rb', buffering=0))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(timeout=600) == -signal.SIGTERM


def test_the_child_command_is_the_command_line():
    child = subprocess.Popen(
        [sys.executable, "-m", "soundwave.cli._child", "--help"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    shown = child.stdout.read().decode()
    assert child.wait(timeout=600) == 0
    assert "Usage" in shown
    child.stdin.close()
    child.stdout.close()


def test_last_row_skips_what_is_still_being_written(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert last_row(path) is None
    path.write_text(json.dumps({"step": 1, "steps": 9}) + "\n" + '{"step": 2, "st')
    assert last_row(path) == {"step": 1, "steps": 9}
    with path.open("a") as stream:
        stream.write('eps": 9}\n{"event": "saved"}\n')
    assert last_row(path) == {"step": 2, "steps": 9}


def test_stop_all_kills_what_does_not_listen(monkeypatch):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    monkeypatch.setattr(execute, "GRACE", 0.05)
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    process.stdout.readline()  # it ignores the signal from here on
    execute.stop_all([process])
    assert process.returncode == -signal.SIGKILL
    process.stdout.close()
