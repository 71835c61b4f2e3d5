"""The training loop: a plan in, a run folder out. Any run may be stopped at any moment and goes on bitwise."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import manifests
from manifests.errors import SettingsError
from manifests.fingerprint import file_sha256, fingerprint
from soundwave.train import checkpoint
from soundwave.train.data import PlanData
from soundwave.train.ledger import METRICS, ROWS, Log, finish_ledger, ledger_rows
from soundwave.train.progress import shown
from soundwave.train.run import CHECKPOINTS, FINAL, WEIGHTS, RunInfo, describe, final_model, previous
from soundwave.train.schedule import rate

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from soundwave.model.speech_llm import Output, SpeechLLM
    from soundwave.train.samples import SampleMaker
    from soundwave.train.settings import StageSettings

PARTS = {"alignment": "alignment.", "ctc_head": "ctc_head.", "shrinking": "shrinking.", "lora": "llm."}


def train(settings: StageSettings, *, plan: Path, output: Path, init: Path | None = None) -> RunInfo:
    """Train a stage on a plan.

    A finished run of the same settings, plan and start is reused, an unfinished one is resumed from its last
    checkpoint; another run's files in `output` are replaced.

    Args:
        settings: the stage.
        plan: folder with plan.parquet and lock.json.
        output: the run folder.
        init: the run whose model this one starts from; None: a new model.

    Raises:
        MissingFileError, StaleError: no plan, a changed catalog, or an unfinished `init`.
        SettingsError: settings that do not fit the plan or the model.
    """
    data = PlanData(plan, encoder=settings.encoder)
    start = None if init is None else final_model(init)
    key = run_key(settings, data.lock.plan_sha256, start)
    old = previous(output, key)
    if old is not None and old.status == "done":
        print(f"{output}: reused, this run is finished ({old.steps} steps)", file=sys.stderr)
        return old
    trainer = Trainer.make(settings, data, start, output)
    if old is None:
        info = RunInfo(
            run=output.name,
            stage=settings.stage,
            key=key,
            plan=data.lock.plan_sha256,
            parent=None if init is None else str(init),
            steps=trainer.steps,
            precision=trainer.precision,
            trainable=sum(parameter.numel() for parameter in trainer.names),
            settings=settings.model_dump(mode="json"),
        )
        describe(output, info, plan)
    else:
        info = old
        state = checkpoint.load_last(output / CHECKPOINTS)
        info.step = trainer.restore(state) if state is not None else 0
        print(f"{output}: resumed after step {info.step} of {info.steps}", file=sys.stderr)
    trainer.run(info)
    return info


def run_key(settings: StageSettings, plan_sha256: str, start: Path | None) -> str:
    """Equal keys, equal runs."""
    begun = None if start is None else file_sha256(start / WEIGHTS)
    # How often a checkpoint is written changes no result.
    values = settings.model_dump(mode="json", exclude={"checkpoint_every"})
    return fingerprint(manifests.__version__, values, plan_sha256, begun)


@dataclass
class Trainer:
    """One stage's model, optimiser and data."""

    settings: StageSettings
    data: PlanData
    model: SpeechLLM
    maker: SampleMaker
    optimiser: torch.optim.Optimizer
    accelerator: Accelerator
    names: dict[torch.Tensor, str]
    """Parameters that learn, and their names."""
    average: dict[str, torch.Tensor]
    """Their running averages; empty without EMA."""
    steps: int
    precision: str
    output: Path

    @classmethod
    def make(cls, settings: StageSettings, data: PlanData, start: Path | None, output: Path) -> Trainer:
        """Load or create the model and all around it."""
        from soundwave.train.setup import make_accelerator, make_maker, make_model, make_optimiser, pick_precision

        precision = pick_precision(settings.precision)
        model = make_model(settings, data, start, precision)
        accelerator = make_accelerator(precision)
        model.to(accelerator.device)
        names = trainable(model, settings)
        steps = settings.steps or len(data)
        average = {name: value.detach().clone() for value, name in names.items()} if settings.ema else {}
        return cls(
            settings=settings,
            data=data,
            model=model,
            maker=make_maker(settings, data, model, steps),
            optimiser=make_optimiser(settings, names),
            accelerator=accelerator,
            names=names,
            average=average,
            steps=steps,
            precision=precision,
            output=output,
        )

    def run(self, info: RunInfo) -> None:
        """Train from `info.step` to the end."""
        wall, cpu = time.monotonic(), time.process_time()
        before = (info.seconds, info.cpu_seconds)
        self.model.train()
        with (
            closing(Log(self.output / METRICS, before=info.step)) as metrics,
            closing(Log(self.output / ROWS, before=info.step)) as ledger,
            shown(f"train {info.run}", info.step, self.steps) as show,
        ):
            for step in range(info.step, self.steps):
                row, rows = self.step(step)
                info.step = step + 1
                info.seconds = round(before[0] + time.monotonic() - wall, 3)
                info.cpu_seconds = round(before[1] + time.process_time() - cpu, 3)
                metrics.write({**row, "seconds": info.seconds, "cpu_seconds": info.cpu_seconds})
                ledger.write(*rows)
                show(row)
                if info.step % self.settings.checkpoint_every == 0 and info.step < self.steps:
                    checkpoint.save(self.output / CHECKPOINTS, self.state(info.step))
                    info.write(self.output)
        self.finish(info)

    def step(self, step: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """One optimiser step; a row of metrics and the ledger's rows."""
        import torch

        settings = self.settings
        draws = self.data.step(step)
        batch, samples = self.maker.batch(draws, step)
        # Dropout follows from seed and step, so a resumed run is the same run.
        torch.manual_seed(settings.seed * 1_000_003 + step)
        factor = rate(settings.optimiser, step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest"] * factor
        with self.accelerator.autocast():
            output: Output = self.model(
                batch.to(self.accelerator.device),
                lm_weight=settings.lm_weight,
                ctc_weight=settings.ctc_weight,
                temperature=settings.ctc_temperature,
            )
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(output.loss)
        norm = torch.nn.utils.clip_grad_norm_(list(self.names), settings.optimiser.clip)
        self.optimiser.step()
        self._follow(step)
        row = {
            "step": step,
            "steps": self.steps,
            "loss": float(output.loss.detach()),
            "lm_loss": _mean(output.lm_loss),
            "ctc_loss": _mean(output.ctc_loss),
            "learning_rate": settings.optimiser.learning_rate * factor,
            "gradient_norm": float(norm),
            "draws": len(draws),
            "frames": int(output.frames.sum()),
            "kept_frames": int(output.kept_frames.sum()),
        }
        return row, ledger_rows(self.output.name, step, draws, samples, output)

    def _follow(self, step: int) -> None:
        """Move the running average; it forgets the first steps quickly."""
        import torch

        if self.average:
            decay = min(self.settings.ema, (step + 1) / (step + 10))
            values = [value.detach() for value in self.names]
            torch._foreach_lerp_([self.average[name] for name in self.names.values()], values, 1.0 - decay)

    def state(self, step: int) -> checkpoint.State:
        """All that the next step depends on."""
        moments, updates = checkpoint.optimiser_state(self.optimiser, self.names)
        weights = {name: value.detach() for value, name in self.names.items()}
        return checkpoint.State(step, weights, dict(self.average), moments, updates)

    def restore(self, state: checkpoint.State) -> int:
        """Go back to a checkpoint; returns its step.

        Raises:
            SettingsError: the checkpoint is of a model with other parameters.
        """
        import torch

        if set(state.weights) != set(self.names.values()):
            raise SettingsError(f"{self.output} holds checkpoints of another model. Remove the folder, or use another.")
        with torch.no_grad():
            for value, name in self.names.items():
                value.copy_(state.weights[name])
            for name, average in self.average.items():
                average.copy_(state.average[name])
        checkpoint.restore_optimiser(self.optimiser, self.names, state)
        return state.step

    def finish(self, info: RunInfo) -> None:
        """Write the final model and mark the run done. A run killed in here does this again."""
        weights = self.model.adapter_state()
        weights |= {name: value for name, value in self.average.items() if name in weights}
        finish_ledger(self.output)
        self.model.save_pretrained(self.output / FINAL, weights)
        info.status = "done"
        info.write(self.output)
        # Only what a finished run no longer needs; before this line a killed run finds all it takes to go on.
        for path in [*checkpoint.found(self.output / CHECKPOINTS), self.output / ROWS]:
            path.unlink(missing_ok=True)


def _mean(values: torch.Tensor) -> float | None:
    """Mean of what is not NaN; None when nothing is."""
    known = values[~values.isnan()]
    return float(known.mean()) if len(known) else None


def trainable(model: SpeechLLM, settings: StageSettings) -> dict[torch.Tensor, str]:
    """Freeze all but the stage's parts; the parameters that learn, and their names.

    Raises:
        SettingsError: nothing is left to learn.
    """
    prefixes = tuple(PARTS[part] for part in settings.train)
    own = model.adapter_state()
    chosen: dict[torch.Tensor, str] = {}
    for name, parameter in model.named_parameters():
        learns = name in own and name.startswith(prefixes)
        parameter.requires_grad_(learns)
        if learns:
            chosen[parameter] = name
    if not chosen:
        raise SettingsError(f"train: {list(settings.train)} leaves nothing to learn (is lora_rank 0?)")
    return chosen
