"""The training loop: a plan in, a run folder out. Any run may be stopped at any moment and goes on bitwise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import manifests
from manifests.errors import SettingsError
from manifests.fingerprint import file_sha256, fingerprint
from manifests.runs import CHECKPOINTS, FINAL, LEDGER_ROWS, WEIGHTS, RunInfo, final_model
from soundwave.train.batches.plan_data import PlanData
from soundwave.train.distributed.processes import Ranks, join
from soundwave.train.runs import checkpoint
from soundwave.train.runs.branch import adopt, check_branch
from soundwave.train.runs.folder import describe, previous
from soundwave.train.runs.journal import journal, silent
from soundwave.train.runs.ledger import finish_ledger, ledger_rows
from soundwave.train.schedule import rate
from soundwave.train.settings import RUNTIME_ONLY

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from soundwave.model.speech_llm import SpeechLLM
    from soundwave.train.batches.samples import Sample, SampleMaker
    from soundwave.train.micro_batches import Measured
    from soundwave.train.settings import StageSettings

PARTS = {"alignment": "alignment.", "ctc_head": "ctc_head.", "shrinking": "shrinking.", "lora": "llm."}


def train(
    settings: StageSettings, *, plan: Path, output: Path, init: Path | None = None, branch: Path | None = None
) -> RunInfo:
    """Train a stage on a plan.

    A finished run of the same settings, plan and start is reused, an unfinished one is resumed from its last
    checkpoint; another run's files in `output` are replaced. Started by `torchrun` or `accelerate launch`, all
    processes train together and the first one writes; their number may change when a run is resumed.

    Args:
        settings: the stage.
        plan: folder with plan.parquet and lock.json.
        output: the run folder.
        init: the run whose model this one starts from; None: a new model.
        branch: a checkpoint of a run that is the same up to there: a new run goes on from it (see `branch`).

    Raises:
        MissingFileError, StaleError: no plan, a changed catalog, or an unfinished `init`.
        SettingsError: settings that do not fit the plan, the model or the branch.
    """
    data = PlanData(plan, encoder=settings.encoder)
    start = None if init is None else final_model(init)

    def key_of(stage: StageSettings) -> str:
        return run_key(stage, data.lock.plan_sha256, start)

    key, ranks = key_of(settings), join()
    old = ranks.agree(previous(output, key) if ranks.first else None)
    if old is not None and old.status == "done":
        ranks.say(f"{output}: reused, this run is finished ({old.steps} steps)")
        return old
    begun = 0
    if old is None and branch is not None:
        begun = check_branch(branch, settings, settings.steps or len(data), key_of)
    trainer = Trainer.make(settings, data, start, output, ranks)
    info = old or trainer.info(key, init)
    if old is None and ranks.first:
        if branch is not None:
            adopt(branch, output, info, begun)
        describe(output, info, plan)
    ranks.wait()
    if old is not None or branch is not None:
        info.step = trainer.resume()
        ranks.say(f"{output}: resumed after step {info.step} of {info.steps}")
    trainer.run(info)
    return info


def run_key(settings: StageSettings, plan_sha256: str, start: Path | None) -> str:
    """Equal keys, equal runs."""
    begun = None if start is None else file_sha256(start / WEIGHTS)
    values = settings.model_dump(mode="json", exclude=set(RUNTIME_ONLY))
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
    ranks: Ranks

    @classmethod
    def make(
        cls, settings: StageSettings, data: PlanData, start: Path | None, output: Path, ranks: Ranks | None = None
    ) -> Trainer:
        """Load or create the model and all around it; ranks: this process among several."""
        from soundwave.train.distributed.fsdp import shard_layers
        from soundwave.train.setup import make_accelerator, make_maker, make_model, make_optimiser, pick_precision

        ranks = ranks or Ranks()
        if ranks.world > 1 and any(cut.has_audio and not cut.features for cut in data.store.cuts.values()):
            ranks.say("not all encoder frames are stored: every process encodes every clip (`soundwave label encode`)")
        precision = pick_precision(settings.precision)
        accelerator = make_accelerator(precision)
        with accelerator.local_main_process_first():  # it may have to download or convert the LLM
            model = make_model(settings, data, start, precision)
        if settings.shard_llm:
            shard_layers(model, accelerator.device, ranks)
        model.to(accelerator.device)
        names = trainable(model, settings)
        ranks.copy_first(names)
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
            ranks=ranks,
        )

    def info(self, key: str, init: Path | None) -> RunInfo:
        """What run.json says of a run that begins."""
        return RunInfo(
            run=self.output.name,
            stage=self.settings.stage,
            key=key,
            plan=self.data.lock.plan_sha256,
            parent=None if init is None else str(init),
            steps=self.steps,
            precision=self.precision,
            trainable=sum(parameter.numel() for parameter in self.names),
            settings=self.settings.model_dump(mode="json"),
        )

    def run(self, info: RunInfo) -> None:
        """Train from `info.step` to the end."""
        wall, cpu = time.monotonic(), time.process_time()
        before = (info.seconds, info.cpu_seconds)
        self.model.train()
        writes = self.ranks.first
        opened = journal(self.output, info, tensorboard=self.settings.tensorboard) if writes else silent()
        with opened as write:
            for step in range(info.step, self.steps):
                row, rows = self.step(step)
                info.step = step + 1
                info.seconds = round(before[0] + time.monotonic() - wall, 3)
                info.cpu_seconds = round(before[1] + time.process_time() - cpu, 3)
                write({**row, "seconds": info.seconds, "cpu_seconds": info.cpu_seconds}, rows)
                if writes and self._is_due(info.step):
                    stay = self.settings.keep_checkpoints
                    checkpoint.save(self.output / CHECKPOINTS, self.state(info.step), stay)
                    info.write(self.output)
        if writes:
            self.finish(info)
        self.ranks.wait()

    def _is_due(self, done: int) -> bool:
        """Whether a checkpoint is written after `done` steps."""
        settings = self.settings
        return done in settings.keep_checkpoints or (done % settings.checkpoint_every == 0 and done < self.steps)

    def step(self, step: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """One optimiser step; a row of metrics and the ledger's rows, both of all processes together."""
        import torch

        settings = self.settings
        draws = self.data.step(step)
        # Every process makes all samples, so that they do not depend on the number of processes.
        samples = self.maker.samples(draws, step)
        # Dropout follows from seed, step and process, so a resumed run is the same run.
        torch.manual_seed(settings.seed * 1_000_003 + step + (self.ranks.rank << 40))
        factor = rate(settings.optimiser, step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest"] * factor
        self.optimiser.zero_grad(set_to_none=True)
        found = self._passes(samples)
        self.ranks.add_gradients(self.names)
        norm = torch.nn.utils.clip_grad_norm_(list(self.names), settings.optimiser.clip)
        self.optimiser.step()
        self._follow(step)
        row = {
            "step": step,
            "steps": self.steps,
            "loss": found.loss,
            "lm_loss": _mean(found.lm_loss),
            "ctc_loss": _mean(found.ctc_loss),
            "learning_rate": settings.optimiser.learning_rate * factor,
            "gradient_norm": float(norm),
            "draws": len(draws),
            "frames": int(found.frames.sum()),
            "kept_frames": int(found.kept_frames.sum()),
        }
        return row, ledger_rows(self.output.name, step, draws, samples, found)

    def _passes(self, samples: Sequence[Sample]) -> Measured:
        """Forward and backward over this process's samples; what came out, over all processes."""
        from soundwave.train.batches.samples import collate
        from soundwave.train.distributed.fsdp import fill_up
        from soundwave.train.micro_batches import Tally, shares, split

        settings, device = self.settings, self.accelerator.device
        limits = (settings.micro_batch, self.maker.frame_rate)
        tally = Tally(samples, device)
        parts = split(self.ranks.share(len(samples)), samples, *limits)
        own = len(parts)
        if settings.shard_llm:
            parts = fill_up(parts, samples, *limits, self.ranks.world)
        for count, numbers in enumerate(parts):
            part = [samples[number] for number in numbers]
            answers, targets = shares(part, samples)
            with self.accelerator.autocast():
                output = self.model(
                    collate(part, self.data.store.feature_dim).to(device),
                    lm_weight=settings.lm_weight * answers,
                    ctc_weight=settings.ctc_weight * targets,
                    temperature=settings.ctc_temperature,
                )
            if output.loss.requires_grad:  # text alone may reach nothing that learns
                self.accelerator.backward(output.loss if count < own else output.loss * 0.0)
            if count < own:
                tally.add(numbers, output)
        self.ranks.add(tally.values)
        return tally.measured()

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

    def resume(self) -> int:
        """Go back to the run's last whole checkpoint; returns its step, 0 when there is none."""
        folder = self.output / CHECKPOINTS
        state = checkpoint.load_last(folder) if self.ranks.first else None
        step = self.ranks.agree(0 if state is None else state.step)
        if not step:
            return 0
        return self.restore(state or checkpoint.load(checkpoint.path(folder, step)))

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
        checkpoint.prune(self.output / CHECKPOINTS, self.settings.keep_checkpoints)
        (self.output / LEDGER_ROWS).unlink(missing_ok=True)


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
