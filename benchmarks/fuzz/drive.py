"""One command in this process, as `soundwave` would run it: exit code, what it printed, an exception that got out."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

NEEDED = "VmHWM:"  # the most resident memory of a process, in /proc/self/status


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    trace: str = ""  # of an exception that is no error told to the user


def run_command(words: Sequence[str] | Callable[[], None]) -> Done:
    """Run `soundwave WORDS`, or call a function that stands for a command."""
    from soundwave.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogatepass") for _ in range(2))
    before, code, trace = sys.argv, 0, ""
    said = () if callable(words) else tuple(words)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sys.argv = ["soundwave", *said]
            words() if callable(words) else main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # whatever it is, a user would see its traceback
        code, trace = 1, traceback.format_exc()
    finally:
        sys.argv = before
        logging.getLogger().handlers.clear()
    return Done(said, code, _text(out), _text(err), trace)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    return raw.getvalue().decode("utf-8", "replace") if isinstance(raw, io.BytesIO) else ""


def forget_peak() -> None:
    """From here on `peak_mb` counts anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """The most resident memory of this process since `forget_peak`, in MiB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(NEEDED))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
