"""What a training writes down after each step: metrics, ledger rows, TensorBoard events, a line on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from manifests.runs import EVENTS, LEDGER_ROWS, METRICS, RunInfo
from soundwave.train.runs.ledger import Log
from soundwave.train.runs.progress import shown

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

COUNTERS = ("step", "steps")  # of a row of metrics: where it belongs, not what was measured


class Journal(Protocol):
    """Takes a step's row of metrics and its ledger rows."""

    def __call__(self, row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        """Write them."""


@contextmanager
def journal(folder: Path, info: RunInfo, *, tensorboard: bool) -> Iterator[Journal]:
    """Write into run folder `folder` from step `info.step` on; what an interrupted run wrote beyond it is removed."""
    with (
        closing(Log(folder / METRICS, before=info.step)) as metrics,
        closing(Log(folder / LEDGER_ROWS, before=info.step, expected=metrics.draws)) as ledger,
        events(folder / EVENTS, before=info.step, wanted=tensorboard) as draw,
        shown(f"train {info.run}", info.step, info.steps) as show,
    ):

        def write(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
            metrics.write(row)
            ledger.write(*rows)
            if draw is not None:
                add_scalars(draw, row)
            show(row)

        yield write


@contextmanager
def silent() -> Iterator[Journal]:
    """The journal of a process that writes nothing."""
    yield lambda row, rows: None


@contextmanager
def events(folder: Path, *, before: int, wanted: bool = True) -> Iterator[SummaryWriter | None]:
    """A writer of TensorBoard's event files; None where they are not wanted or TensorBoard is not installed.

    before: TensorBoard no longer shows what an interrupted run wrote for this step and later ones.
    """
    writer = _writer(folder, before) if wanted else None
    try:
        yield writer
    finally:
        if writer is not None:
            writer.close()


def _writer(folder: Path, before: int) -> SummaryWriter | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=before)


def add_scalars(writer: SummaryWriter, row: Mapping[str, Any]) -> None:
    """A row of metrics as TensorBoard scalars of its step; what was not measured is left out."""
    for name, value in row.items():
        if name not in COUNTERS and value is not None:
            writer.add_scalar(name, value, row["step"])
