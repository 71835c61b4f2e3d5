"""The training loop: a plan in, a run folder out. Any run may be stopped at any moment and goes on bitwise."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

import manifests
from manifests.disk.alone import alone
from manifests.errors import BadCutError, NonFiniteError, SettingsError
from manifests.runs import CHECKPOINTS, FINAL, LEDGER_ROWS, ROWS, RunInfo, final_model
from soundwave.model.batch import Batch, SpeechLLMOutput
from soundwave.train.batches.ahead import Prepared, StepMaker, StepsAhead
from soundwave.train.batches.fitting import too_long
from soundwave.train.batches.length_windows import LengthWindows
from soundwave.train.batches.plan_data import Draw, PlanData
from soundwave.train.batches.samples import Sample, SampleMaker, collate
from soundwave.train.distributed.fsdp import fill_up, shard_layers
from soundwave.train.distributed.processes import Ranks, join
from soundwave.train.micro_batches import Measured, StepMetrics, shares, split
from soundwave.train.nonfinite import SKIPPED, bad_gradient, count_skipped, explain, find_fault
from soundwave.train.runs import checkpoint
from soundwave.train.runs.branch import adopt, check_branch, ended_model
from soundwave.train.runs.folder import Existing, begun, claim_run, describe, resumed, take_over
from soundwave.train.runs.identity import Training, planned_training
from soundwave.train.runs.journal import journal, silent
from soundwave.train.runs.ledger import ledger_rows
from soundwave.train.runs.ledger_file import finish_ledger
from soundwave.train.runs.places import recorded
from soundwave.train.schedule import rate
from soundwave.train.settings import StageSettings
from soundwave.train.setup import (
    halve,
    importing,
    keep_frames,
    make_accelerator,
    make_maker,
    make_model,
    make_optimiser,
    pick_precision,
    reads_words,
    reproducible,
)

if TYPE_CHECKING:
    from soundwave.model.speech_llm import SpeechLLM

PARTS = {"alignment": "alignment.", "ctc_head": "ctc_head.", "shrinking": "shrinking.", "lora": "llm."}


def train(
    settings: StageSettings,
    *,
    plan: Path,
    output: Path,
    init: Path | None = None,
    branch: Path | None = None,
    existing: Existing = "refuse",
) -> RunInfo:
    """Train a stage on a plan.

    A finished run of the same settings, plan and start is reused, an unfinished one is resumed from its last
    checkpoint. Started by `torchrun` or `accelerate launch`, all processes train together and the first one writes;
    their number may change when a run is resumed.

    Args:
        settings: the stage.
        plan: folder with plan.parquet and lock.json.
        output: the run folder: a new one, or one with a run.
        init: the run whose model this one starts from; None: a new model.
        branch: a checkpoint of a run that is the same up to there: a new run goes on from it (see `branch`).
        existing: what becomes of another run in `output`. `refuse`: nothing, this one does not begin; `resume`: it goes
            on with its own settings; `aside`: it is moved to OUTPUT.old-1, or the next number that is free, when the
            new one has ended.

    Raises:
        MissingFileError, StaleError: no plan, a changed catalog, or an unfinished `init`.
        DamagedError: the model of `init`, the branch or the finished run in `output` is not what was written.
        MixtureError: the plan draws a cut that a labelling pass refused.
        SettingsError: settings that do not fit the plan, the model or the branch.
        OccupiedError: `output` holds another run, or what is no run, or another process trains there; nothing in it was
            touched.
        NonFiniteError: a loss or gradient is not finite. The last checkpoint stays.
    """
    ranks = join()
    with ExitStack() as stack:
        ranks.on_first(lambda: stack.enter_context(alone(output, "trains this run")))
        return _train(settings, ranks, plan=plan, output=output, init=init, branch=branch, existing=existing)


def _train(
    settings: StageSettings,
    ranks: Ranks,
    *,
    plan: Path,
    output: Path,
    init: Path | None,
    branch: Path | None,
    existing: Existing,
) -> RunInfo:
    """`train`, in one of its processes."""
    if existing == "resume":
        stored, begun_at = settings, init
        settings, init = ranks.on_first(lambda: resumed(output, stored, begun_at))
    hashes = settings.frame_cache is not None
    data = PlanData(plan, encoder=settings.encoder, words=reads_words(settings), hashes=hashes)
    start = None if init is None else final_model(init)
    asked = planned_training(settings, data.lock.plan_sha256, start)
    place, old = ranks.on_first(lambda: claim_run(output, asked, plan=plan, parent=init, existing=existing))
    if old is not None and old.status == "done":
        final_model(place)
        if ranks.first:
            tidy(place, settings)
        ranks.print_once(f"{output}: reused, this run is finished ({old.steps} steps)")
        info = old
    else:
        new = ranks.on_first(lambda: old is None or not begun(place))
        at = check_branch(branch, asked, settings.steps or len(data)) if new and branch is not None else 0
        with importing("soundwave.model.speech_llm"):
            ranks.on_first(lambda: data.keep(place / ROWS))
            data.keep(place / ROWS)
        like = ranks.on_first(lambda: ended_model(branch)) if branch is not None and at else None
        trainer = Trainer.make(settings, data, start, place, ranks, run=output.name, like=like)
        info = old or trainer.info(asked, init, plan)
        if ranks.first and new:
            for said in too_long(data, trainer.maker, trainer.model):
                ranks.print_once(f"{plan}: {said}")
            _begin(info, place, plan, branch if at else None, at)
        ranks.barrier()
        if old is not None or branch is not None:
            info.step = trainer.resume(info)
            info.skipped = ranks.broadcast_object(count_skipped(place, info.step) if ranks.first else 0)
            ranks.print_once(f"{output}: resumed after step {info.step} of {info.steps}")
        trainer.run(info)
    ranks.on_first(lambda: take_over(place, output))
    return info


def _begin(info: RunInfo, place: Path, plan: Path, branch: Path | None, at: int) -> None:
    """Write what a run begins with; branch: the checkpoint that it goes on from, after step `at`."""
    info.write(place)  # which makes the folder a run's
    if branch is not None:
        adopt(branch, place, info, at)
        info.write(place)
    describe(place, info, plan)


@dataclass
class Trainer:
    """One stage's model, optimiser and data."""

    settings: StageSettings
    data: PlanData
    model: SpeechLLM
    maker: SampleMaker
    optimiser: torch.optim.Optimizer
    accelerator: Accelerator
    coming: StepsAhead
    """Steps that are made ready."""
    trainable: dict[torch.Tensor, str]
    """Parameters that learn, and their names."""
    average: dict[str, torch.Tensor]
    """Their running averages; empty without EMA."""
    steps: int
    precision: str
    output: Path
    run_name: str
    ranks: Ranks

    @classmethod
    def make(
        cls,
        settings: StageSettings,
        data: PlanData,
        start: Path | None,
        output: Path,
        ranks: Ranks | None = None,
        *,
        run: str | None = None,
        like: Path | None = None,
    ) -> Trainer:
        """Load or create the model and all around it; ranks: this process among several; run: its name, if it is not
        that of the folder `output`; like: see `make_model`.
        """
        ranks = ranks or Ranks()
        if ranks.world > 1 and data.unstored:
            ranks.print_once(
                "not all encoder frames are stored: each process encodes its own clips (`soundwave label encode` "
                "stores them)"
            )
        precision = pick_precision(settings.precision)
        accelerator = make_accelerator()
        with accelerator.local_main_process_first():  # it may have to download or convert the LLM
            model = make_model(settings, data, start, precision, like)
        if settings.shard_llm:
            shard_layers(model, accelerator.device, ranks)
        model.to(accelerator.device)
        trainable = choose_trainable(model, settings)
        ranks.broadcast(trainable)
        steps = settings.steps or len(data)
        average = {name: value.detach().clone() for value, name in trainable.items()} if settings.ema else {}
        maker = make_maker(settings, data, model, steps)
        if precision == "bf16" and accelerator.device.type == "cuda" and data.unstored:
            halve(data.store.load_encoder())
        keep_frames(settings, data)
        parts = partial(passes, settings=settings, rate=maker.frame_rate, ranks=ranks)
        windows = LengthWindows(data.step, len(data), window=settings.length_window, seed=settings.seed)
        skip = settings.on_bad_cut == "skip"
        ready = StepMaker(data, maker, parts, skip=skip, step=windows, mine=ranks.local_indices)
        return cls(
            settings=settings,
            data=data,
            model=model,
            maker=maker,
            coming=StepsAhead(ready, steps, ahead=settings.ahead),
            optimiser=make_optimiser(settings, trainable),
            accelerator=accelerator,
            trainable=trainable,
            average=average,
            steps=steps,
            precision=precision,
            output=output,
            run_name=run or output.name,
            ranks=ranks,
        )

    def info(self, asked: Training, init: Path | None, plan: Path) -> RunInfo:
        """What run.json says of a run that begins."""
        return RunInfo(
            run=self.run_name,
            stage=self.settings.stage,
            key=asked.key,
            plan=self.data.lock.plan_sha256,
            parent=None if init is None else str(init),
            steps=self.steps,
            precision=self.precision,
            trainable=sum(parameter.numel() for parameter in self.trainable),
            settings=self.settings.model_dump(mode="json"),
            version=manifests.__version__,
            start=asked.start,
            catalog=recorded(self.data.catalog),
            plan_folder=recorded(plan),
        )

    def run(self, info: RunInfo) -> None:
        """Train from `info.step` to the end."""
        wall, cpu = time.monotonic(), time.process_time()
        before = (info.seconds, info.cpu_seconds)
        self.model.train()
        writes = self.ranks.first
        opened = journal(self.output, info, tensorboard=self.settings.tensorboard) if writes else silent()
        exact = reproducible(self.accelerator.device) if self.settings.reproducible else nullcontext()
        with opened as write, exact, closing(self.coming):
            for step in range(info.step, self.steps):
                row, rows = self.step_or_skip(step, info)
                info.step = step + 1
                info.seconds = round(before[0] + time.monotonic() - wall, 3)
                info.cpu_seconds = round(before[1] + time.process_time() - cpu, 3)
                write({**row, "seconds": info.seconds, "cpu_seconds": info.cpu_seconds}, rows)
                if writes and self._is_due(info.step):
                    stay = self.settings.keep_checkpoints
                    checkpoint.save(self.output / CHECKPOINTS, self.state(info.step), stay, training=info.key)
                    info.write(self.output)
        if writes:
            self.finish(info)
        self.ranks.barrier()

    def _is_due(self, done: int) -> bool:
        """Whether a checkpoint is written after `done` steps."""
        settings = self.settings
        return done in settings.keep_checkpoints or (done % settings.checkpoint_every == 0 and done < self.steps)

    def step_or_skip(self, step: int, info: RunInfo) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """One step as `step`, or, where the settings allow it, a dropped batch: counted in `info`, with no ledger rows.

        Raises:
            NonFiniteError: in all processes together.
        """
        try:
            return self.step(step)
        except NonFiniteError as error:
            limit = self.settings.nonfinite_limit
            if self.settings.on_nonfinite == "stop":
                raise NonFiniteError(
                    f"{error}\n{self._kept()} Correct these cuts or leave them out, or have such batches dropped "
                    "(on_nonfinite: skip)."
                ) from error
            if info.skipped >= limit:
                raise NonFiniteError(
                    f"{error}\n{info.skipped} batches were dropped before, and nonfinite_limit is {limit}. "
                    f"{self._kept()} Correct these cuts or leave them out, or raise the limit."
                ) from error
            info.skipped += 1
            self.ranks.print_once(f"{error}\nThe batch is dropped ({info.skipped} of at most {limit}).")
        nothing = dict.fromkeys(("loss", "lm_loss", "ctc_loss", "gradient_norm"))
        return {"step": step, "steps": self.steps, **nothing, SKIPPED: True}, []

    def _kept(self) -> str:
        """From where the run can go on, for people."""
        files = checkpoint.found(self.output / CHECKPOINTS)
        where = (
            f"its checkpoint {files[-1].name} stays, and it can go on from there" if files else "it has no checkpoint"
        )
        return f"{self.output}: {where}."

    def step(self, step: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """One optimiser step; a row of metrics and the ledger's rows, both of all processes together.

        Raises:
            NonFiniteError: loss or gradient is not finite; in all processes, before the optimiser's step.
        """
        ready = self._ready(step)
        draws, samples = ready.draws, ready.samples
        factor = rate(self.settings.optimiser, step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest"] * factor
        self.optimiser.zero_grad(set_to_none=True)
        self._seed(step)
        found = self._passes(ready)
        self.ranks.all_reduce_gradients(self.trainable)
        norm = float(torch.nn.utils.clip_grad_norm_(list(self.trainable), self.settings.optimiser.clip))
        if self.ranks.any(not (isfinite(found.loss) and isfinite(norm)), self.accelerator.device):
            raise self._nonfinite(step, found.loss, samples, draws)
        self.optimiser.step()
        self.update_ema(step)
        row = {
            "step": step,
            "steps": self.steps,
            "loss": found.loss,
            "lm_loss": _mean(found.lm_loss),
            "ctc_loss": _mean(found.ctc_loss),
            "unfit": sum(bool(sample.unfit) for sample in samples),
            "learning_rate": self.settings.optimiser.learning_rate * factor,
            "gradient_norm": norm,
            "draws": len(draws),
            "frames": int(found.frames.sum()),
            "kept_frames": int(found.kept_frames.sum()),
            **({"bad": len(ready.bad)} if ready.bad else {}),
            "wait_seconds": round(ready.wait_seconds, 6),
            "encode_seconds": round(ready.encode_seconds, 6),
            "padding": round(ready.padding, 6),
            **({"recalled": ready.recalled, "encoded": ready.encoded} if self.settings.frame_cache else {}),
        }
        return row, ledger_rows(self.run_name, step, draws, samples, found, bad=ready.bad)

    def _ready(self, step: int) -> Prepared:
        """A step's samples and batches, the same samples in all processes.

        Raises:
            BadCutError: a cut cannot be read, and settings do not say to go on without it.
        """
        try:
            ready = self.coming.take(step)
            agreed: set[int] = set()
            while self.settings.on_bad_cut == "skip" and self.ranks.world > 1:
                if not self.ranks.any(set(ready.bad) != agreed, self.accelerator.device):
                    break
                bad = {slot: why for found in self.ranks.gather_objects(dict(ready.bad)) for slot, why in found.items()}
                agreed = set(bad)
                ready = self.coming.maker.prepare(step, without=bad)
        except BadCutError as error:
            raise BadCutError(
                f"Step {step}: {error}\n{self._kept()} Mend the file, plan without this cut, or have such cuts "
                "left out of their steps (on_bad_cut: skip).",
                error.reason,
                error.cut_id,
            ) from error
        for slot, refusal in ready.bad.items():
            self.ranks.print_once(f"Step {step}: left out {draw_id(ready.draws[slot])}. {refusal.detail}")
        return ready

    def _seed(self, step: int) -> None:
        """Dropout follows from seed, step and process, so a resumed run is the same run."""
        seed = self.settings.seed * 1_000_003 + step + (self.ranks.rank << 40)
        # `torch.manual_seed` also prepares for GPUs that are not there, and notes its stack: half a millisecond.
        torch.default_generator.manual_seed(seed)
        if self.accelerator.device.type != "cpu":
            torch.manual_seed(seed)

    def _passes(self, ready: Prepared) -> Measured:
        """Forward and backward over this process's samples; what came out, over all processes."""
        metrics, own = StepMetrics(ready.samples, self.accelerator.device), ready.own
        for count, (numbers, batch) in enumerate(zip(ready.parts, ready.batches, strict=True)):
            output = self._forward(numbers, ready.samples, batch)
            if output.loss.requires_grad:  # text alone may reach nothing that learns
                self.accelerator.backward(output.loss if count < own else output.loss * 0.0)
            if count < own:
                metrics.add(numbers, output)
        self.ranks.all_reduce(metrics.values)
        return metrics.measured()

    def _forward(
        self, numbers: Sequence[int], samples: Sequence[Sample], batch: Batch | None = None
    ) -> SpeechLLMOutput:
        """One pass; its loss is its share of the step's. batch: of these samples, if it is there."""
        settings, device = self.settings, self.accelerator.device
        part = [samples[number] for number in numbers]
        answers, targets = shares(part, samples)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            output: SpeechLLMOutput = self.model(
                (batch or collate(part, self.data.store.feature_dim)).to(device),
                lm_weight=settings.lm_weight * answers,
                ctc_weight=settings.ctc_weight * targets,
                temperature=settings.ctc_temperature,
            )
        return output

    def _nonfinite(self, step: int, loss: float, samples: Sequence[Sample], draws: Sequence[Draw]) -> NonFiniteError:
        """What happened, found by going through the step again; all processes do so together."""
        self._seed(step)
        parts, _ = passes(samples, settings=self.settings, rate=self.maker.frame_rate, ranks=self.ranks)
        fault = find_fault(self.model, parts, lambda numbers: self._forward(numbers, samples), samples, draws)
        faults = self.ranks.gather_objects(fault)
        return NonFiniteError(explain(step, loss, faults, draws, bad_gradient(self.trainable)))

    def update_ema(self, step: int) -> None:
        """Move the running average; it forgets the first steps quickly."""
        if self.average:
            decay = min(self.settings.ema, (step + 1) / (step + 10))
            values = [value.detach() for value in self.trainable]
            torch._foreach_lerp_([self.average[name] for name in self.trainable.values()], values, 1.0 - decay)

    def state(self, step: int) -> checkpoint.State:
        """All that the next step depends on."""
        moments, updates = checkpoint.optimiser_state(self.optimiser, self.trainable)
        weights = {name: value.detach() for value, name in self.trainable.items()}
        return checkpoint.State(step, weights, dict(self.average), moments, updates)

    def resume(self, info: RunInfo) -> int:
        """Go back to the run's last whole checkpoint; returns its step, 0 when there is none."""
        folder = self.output / CHECKPOINTS
        state = checkpoint.load_last(folder, training=info.key, step=info.step) if self.ranks.first else None
        step = self.ranks.broadcast_object(0 if state is None else state.step)
        if not step:
            return 0
        return self.restore(state or checkpoint.load(checkpoint.path(folder, step)))

    def restore(self, state: checkpoint.State) -> int:
        """Go back to a checkpoint; returns its step.

        Raises:
            SettingsError: the checkpoint is of a model with other parameters.
        """
        if set(state.weights) != set(self.trainable.values()):
            raise SettingsError(f"{self.output} holds checkpoints of another model. Name another folder.")
        with torch.no_grad():
            for value, name in self.trainable.items():
                value.copy_(state.weights[name])
            for name, average in self.average.items():
                average.copy_(state.average[name])
        checkpoint.restore_optimiser(self.optimiser, self.trainable, state)
        return state.step

    def finish(self, info: RunInfo) -> None:
        """Write the final model and mark the run done. A run killed in here does this again."""
        weights = self.model.adapter_state()
        weights |= {name: value for name, value in self.average.items() if name in weights}
        info.unfit, info.bad = finish_ledger(self.output)
        self.model.save_pretrained(self.output / FINAL, weights)
        info.status = "done"
        info.record(self.output)
        info.write(self.output)
        tidy(self.output, self.settings)


def passes(
    samples: Sequence[Sample], *, settings: StageSettings, rate: float, ranks: Ranks
) -> tuple[list[list[int]], int]:
    """A process's passes, as numbers of samples; and how many count: those after them are only waited for."""
    parts = split(ranks.local_indices(len(samples)), samples, settings.micro_batch, rate)
    own = len(parts)
    if settings.shard_llm:
        parts = fill_up(parts, samples, settings.micro_batch, rate, ranks.world)
    return parts, own


def draw_id(draw: Draw) -> str:
    """Which cut, for which domain."""
    return f"{draw.cut.cut_id} ({draw.domain})"


def tidy(output: Path, settings: StageSettings) -> None:
    """Remove what a finished run no longer needs: a run that is not marked done finds all it takes to go on."""
    checkpoint.prune(output / CHECKPOINTS, settings.keep_checkpoints)
    (output / LEDGER_ROWS).unlink(missing_ok=True)
    shutil.rmtree(output / ROWS, ignore_errors=True)


def _mean(values: torch.Tensor) -> float | None:
    """Mean of what is not NaN; None when nothing is."""
    known = values[~values.isnan()]
    return float(known.mean()) if len(known) else None


def choose_trainable(model: SpeechLLM, settings: StageSettings) -> dict[torch.Tensor, str]:
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
