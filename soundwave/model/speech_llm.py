"""The whole model: encoder frames -> alignment adapter -> CTC head -> shrinking adapter -> LLM.

Dimensions: B samples, A audios of all samples together, T encoder frames, F encoder width, S adapter frames, K kept
frames, D LLM width, L positions of the LLM, V its vocabulary. All but B, A, F, D, V are padded.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manifests.errors import ManifestError
from manifests.files import need_file, read_json, write_json
from soundwave.model.alignment_adapter import AlignmentAdapter
from soundwave.model.batch import AUDIO, Batch, end_of_turn
from soundwave.model.ctc_head import CTCHead
from soundwave.model.llm import load_llm
from soundwave.model.sequences import embed_sequences, hidden_states, shared_start
from soundwave.model.settings import Compat, ModelSettings
from soundwave.model.shrinking_adapter import Runs, ShrinkingAdapter, find_runs, merge_runs, run_means
from soundwave.model.tokens import TokenTable

CONFIG, WEIGHTS = "config.json", "adapters.safetensors"
FORMAT = 1
SEARCH = {"num_beams": 4, "no_repeat_ngram_size": 6}  # how transcripts are searched: a few beams, and no endless loops
ANSWER_LEAST, ANSWER_PER_FRAME = 6, 1.1  # tokens; a kept frame is at most a token of speech
TEXT_LIMIT = 64  # tokens of an answer to text alone


@dataclass(frozen=True)
class Heard:
    """What the adapters make of the audios."""

    frames: Tensor
    """(A, S, D) adapter frames."""
    lengths: Tensor
    """(A,)."""
    kept: Tensor
    """(A, K, D) what the LLM reads."""
    runs: Runs


@dataclass(frozen=True)
class Output:
    """One forward pass. Losses that were not asked for, or have no target, are NaN in the per-item columns."""

    loss: Tensor
    """Scalar: lm_weight x mean over answer tokens + ctc_weight x mean over target tokens."""
    lm_loss: Tensor
    """(B,) mean next-token loss over each sample's answer."""
    ctc_loss: Tensor
    """(A,) CTC loss per target token."""
    frames: Tensor
    """(A,) adapter frames."""
    kept_frames: Tensor
    """(A,) positions after shrinking; equal to `frames` when the LLM was not run."""


class SpeechLLM(nn.Module):
    """A speech LLM. Make one with `SpeechLLM.create` or `SpeechLLM.from_pretrained`."""

    def __init__(
        self,
        settings: ModelSettings,
        llm: Any,
        tokenizer: Any,
        *,
        encoder: str,
        feature_dim: int,
        token_ids: Sequence[int] | None,
    ) -> None:
        super().__init__()
        self.settings, self.tokenizer, self.encoder, self.feature_dim = settings, tokenizer, encoder, feature_dim
        for parameter in llm.parameters():
            parameter.requires_grad_(False)
        width = int(llm.config.hidden_size)
        embeddings = llm.get_input_embeddings().weight
        paper = settings.compat == "paper"
        self.alignment = AlignmentAdapter(
            feature_dim,
            width,
            stack=settings.stack,
            heads=settings.heads,
            feed_forward=round(settings.feed_forward * width),
            dropout=settings.dropout,
            rotary=settings.positions == "rotary",
            window=settings.window,
            mixes_time=paper,
        )
        self.ctc_head = CTCHead(llm.get_output_embeddings().weight, token_ids)
        gain = 1.0
        if settings.auxiliary_gain is not None:
            gain = settings.auxiliary_gain * float(embeddings.detach().float().pow(2).mean().sqrt())
        self.shrinking = ShrinkingAdapter(width, heads=settings.heads, sees_all=paper, gain=gain)
        self.llm = _with_lora(llm, settings)
        self.table = TokenTable(tokenizer, token_ids)

    # Making, saving, loading

    @classmethod
    def create(
        cls,
        settings: ModelSettings,
        *,
        encoder: str,
        feature_dim: int,
        token_ids: Sequence[int] | None = None,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> SpeechLLM:
        """A new model around the LLM that `settings` names; equal arguments give equal weights."""
        llm, tokenizer = load_llm(settings.llm, dtype=dtype)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(settings, llm, tokenizer, encoder=encoder, feature_dim=feature_dim, token_ids=token_ids)

    @classmethod
    def from_pretrained(
        cls, path: str | Path, *, compat: Compat | None = None, dtype: torch.dtype = torch.float32
    ) -> SpeechLLM:
        """A model that `save_pretrained` wrote; `compat` overrides what it was trained as.

        Raises:
            MissingFileError: no model there.
            ManifestError: a config.json of another format.
        """
        from safetensors.torch import load_file

        config = read_json(need_file(Path(path) / CONFIG, what="model", hint="A finished run keeps it in final/."))
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise ManifestError(f"{Path(path) / CONFIG} is no model of format {FORMAT}; train it again.")
        settings = ModelSettings(**config["settings"])
        if compat is not None:
            settings = settings.model_copy(update={"compat": compat})
        model = cls.create(
            settings,
            encoder=config["encoder"],
            feature_dim=config["feature_dim"],
            token_ids=config["token_ids"],
            dtype=dtype,
        )
        model.load_adapters(load_file(need_file(Path(path) / WEIGHTS, what="weights")))
        return model.eval()

    def save_pretrained(self, path: str | Path, weights: dict[str, Tensor] | None = None) -> None:
        """Write config.json and adapters.safetensors (all but the frozen LLM, which is kept by name).

        weights: other values for `adapter_state()`, such as their running averages.
        """
        from safetensors.torch import save_file

        from manifests.files import atomic_path

        state = self.adapter_state() if weights is None else weights
        with atomic_path(Path(path) / WEIGHTS) as temporary:
            save_file({name: value.detach().float().cpu().contiguous() for name, value in state.items()}, temporary)
        config = {
            "format": FORMAT,
            "settings": self.settings.model_dump(),
            "encoder": self.encoder,
            "feature_dim": self.feature_dim,
            "token_ids": self.table.token_ids,
        }
        write_json(Path(path) / CONFIG, config)

    def adapter_state(self) -> dict[str, Tensor]:
        """All but the frozen LLM, by name: parameters, and the scale of the encoder's features."""
        buffers = ((name, value) for name, value in self.named_buffers() if name.startswith("alignment."))
        return {**dict(self._adapter_parameters()), **dict(buffers)}

    def load_adapters(self, weights: dict[str, Tensor]) -> None:
        """Set everything in `adapter_state`.

        Raises:
            ManifestError: names or shapes that do not fit this model.
        """
        mine = self.adapter_state()
        shapes = {name: tuple(value.shape) for name, value in mine.items()}
        found = {name: tuple(value.shape) for name, value in weights.items()}
        if shapes != found:
            odd = sorted({*shapes.items()} ^ {*found.items()})[:4]
            raise ManifestError(f"The weights do not fit the model: {odd}. Were the model's settings changed?")
        with torch.no_grad():
            for name, value in mine.items():
                value.copy_(weights[name])

    def _adapter_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in self.named_parameters():
            if not name.startswith("llm.") or "lora_" in name:
                yield name, parameter

    # Hearing

    def align(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encoder frames (A, T, F) -> adapter frames (A, S, D) and their number (A,)."""
        frames, counts = self.alignment(features, lengths)
        return frames, counts

    def hear(self, features: Tensor, lengths: Tensor, *, temperature: float = 0.0) -> Heard:
        """Encoder frames (A, T, F) -> kept frames (A, K, D) in the LLM's space.

        temperature: above 0, frames are read at a temperature between 0 and this, another for each audio.
        """
        frames, counts = self.align(features, lengths)
        settings = self.settings
        if temperature:
            scale = temperature * torch.rand(len(counts), device=frames.device)
            classes, scores = self.ctc_head.sample(frames, scale)
        else:
            classes, scores = self.ctc_head.best(frames)
        runs = find_runs(
            classes, scores, counts, blank=self.ctc_head.blank, keep=settings.keep, blank_runs=settings.blank_runs
        )
        tokens: list[list[int]] = []
        if settings.merge_letters:
            tokens, groups = self._spelled(classes, runs)
            runs = merge_runs(runs, groups, scores, settings.keep)
        kept = self.shrinking(frames, counts, runs)
        if settings.merge_letters and settings.posterior_embeddings:
            kept = kept + self._token_embeddings(tokens, scores, runs)
        elif settings.posterior_embeddings:
            vectors, mass = self.ctc_head.expected_embedding(frames, self.embeddings)
            kept = kept + run_means(vectors, mass, runs)
        return Heard(frames, counts, kept, runs)

    def _spelled(self, classes: Tensor, runs: Runs) -> tuple[list[list[int]], list[list[int]]]:
        """For each audio the LLM's tokens that its runs spell, and the token that each run belongs to."""
        tokens, groups = [], []
        for row, kept, count in zip(classes, runs.kept, runs.counts.tolist(), strict=True):
            spelled = row[kept[:count]].tolist()
            if self.ctc_head.blank in spelled:  # nothing but blank: one position without a token
                found: list[int] = []
                group = [0]
            else:
                found, group = self.table.regroup(spelled)
            tokens.append(found)
            groups.append(group)
        return tokens, groups

    def _token_embeddings(self, tokens: Sequence[Sequence[int]], scores: Tensor, runs: Runs) -> Tensor:
        """LLM embeddings of the tokens that were spelled, times the mean probability of their frames: (A, K, D)."""
        out = scores.new_zeros(*runs.kept.shape, self.embeddings.shape[1])
        for row, found in zip(out, tokens, strict=True):
            if found:
                row[: len(found)] = self.embeddings[torch.tensor(found, device=row.device)].to(row.dtype)
        ones = torch.ones_like(scores)
        confidence = run_means(scores.exp().unsqueeze(-1), ones, runs)
        return out * confidence

    @property
    def embeddings(self) -> Tensor:
        """The LLM's input embeddings (V, D)."""
        weight: Tensor = self.llm.get_input_embeddings().weight
        return weight

    @torch.no_grad()
    def transcribe(self, features: Tensor, lengths: Tensor) -> list[str]:
        """Greedy CTC text of each audio: features (A, T, F)."""
        if not len(lengths):
            return []
        frames, counts = self.align(features, lengths)
        texts = []
        for row, count in zip(self.ctc_head.argmax(frames), counts.tolist(), strict=True):
            runs = row[:count].unique_consecutive().tolist()
            texts.append(self.table.decode(label for label in runs if label != self.ctc_head.blank))
        return texts

    # Training

    def forward(
        self, batch: Batch, *, lm_weight: float = 1.0, ctc_weight: float = 0.3, temperature: float = 0.0
    ) -> Output:
        """Losses of a batch. With `lm_weight` 0 the LLM is not run, with `ctc_weight` 0 no CTC loss is computed.

        temperature: see `hear`.
        """
        audios, samples = len(batch.lengths), len(batch.prompts)
        device = self.ctc_head.weight.device
        nothing = torch.full((audios,), torch.nan)
        ctc_sum, ctc_each = torch.zeros((), device=device), nothing
        heard, frames, counts = None, None, torch.zeros(0, dtype=torch.long)
        if audios and lm_weight:
            heard = self.hear(batch.features, batch.lengths, temperature=temperature)
            frames, counts = heard.frames, heard.lengths
        elif audios:
            frames, counts = self.align(batch.features, batch.lengths)
        if frames is not None and ctc_weight:
            ctc_sum, ctc_each = self._ctc(frames, counts, batch.targets)
        lm_sum, lm_each = torch.zeros((), device=device), torch.full((samples,), torch.nan)
        if lm_weight:
            lm_sum, lm_each = self._language(batch, heard)
        kept = counts if heard is None else heard.runs.counts
        return Output(lm_weight * lm_sum + ctc_weight * ctc_sum, lm_each, ctc_each, counts, kept)

    def _ctc(self, frames: Tensor, counts: Tensor, targets: Sequence[Sequence[int] | None]) -> tuple[Tensor, Tensor]:
        """Mean CTC loss per target token, and the same for each audio (NaN without a target)."""
        labels = [target or () for target in targets]
        tokens = torch.tensor([len(target) for target in labels], device=frames.device)
        losses = self.ctc_head.loss(frames, counts, labels).to(frames.device)
        known = torch.tensor([target is not None for target in targets], device=frames.device)
        losses = losses.masked_fill(~known, 0.0)
        total = losses.sum() / tokens.sum().clamp(min=1)
        return total, (losses.detach() / tokens.clamp(min=1)).masked_fill(~known, torch.nan)

    def _language(self, batch: Batch, heard: Heard | None) -> tuple[Tensor, Tensor]:
        """Mean next-token loss over all answer tokens, and over each sample's."""
        rows, places = embed_sequences(self.llm, batch.prompts, batch.answers, heard)
        prefix = shared_start(batch.prompts)
        hidden = hidden_states(self.llm, rows, prefix)
        # Only where an answer is predicted: (B, L, D) -> (answer tokens, D)
        owner = torch.tensor([b for b, answer in enumerate(batch.answers) for _ in answer], device=hidden.device)
        where = [places[b] - prefix + i for b, answer in enumerate(batch.answers) for i in range(len(answer))]
        wanted = torch.tensor([token for answer in batch.answers for token in answer], device=hidden.device)
        if not len(wanted):
            return hidden.sum() * 0.0, torch.full((len(rows),), torch.nan)
        logits = self.llm.lm_head(hidden[owner, torch.tensor(where, device=hidden.device)])
        losses = F.cross_entropy(logits.float(), wanted, reduction="none")
        each = torch.zeros(len(rows), device=losses.device).index_add_(0, owner, losses.detach())
        sizes = torch.bincount(owner, minlength=len(rows))
        return losses.mean(), torch.where(sizes > 0, each / sizes.clamp(min=1), torch.nan)

    # Answering

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        features: Tensor,
        lengths: Tensor,
        *,
        max_new_tokens: int | Sequence[int] | None = None,
        **options: Any,
    ) -> list[str]:
        """The LLM's answers to prompts as in `Batch`; greedy unless `options` (of transformers' `generate`) differ.

        max_new_tokens: for all, or for each prompt; None: `answer_limit` of each prompt's kept frames.
        """
        heard = self.hear(features, lengths) if len(lengths) else None
        rows, _ = embed_sequences(self.llm, prompts, [()] * len(prompts), heard)
        longest = max(len(row) for row in rows)
        # Padded on the left, so that every answer begins at the same place.
        inputs = torch.stack([F.pad(row, (0, 0, longest - len(row), 0)) for row in rows])
        sizes = torch.tensor([len(row) for row in rows], device=inputs.device)
        mask = torch.arange(longest, device=inputs.device) >= longest - sizes.unsqueeze(1)
        limits = answer_limits(prompts, heard) if max_new_tokens is None else max_new_tokens
        limits = [limits] * len(rows) if isinstance(limits, int) else list(limits)
        end = end_of_turn(self.tokenizer)
        settings = {"do_sample": False, "pad_token_id": end, "eos_token_id": end} | options
        with warnings.catch_warnings():
            # "n-gram constraints apply to generated tokens only": that is what is meant.
            warnings.filterwarnings("ignore", message="Passing `no_repeat_ngram_size`")
            found = self.llm.generate(
                inputs_embeds=inputs, attention_mask=mask.long(), max_new_tokens=max(limits), **settings
            )
        texts = []
        for row, limit in zip(found.tolist(), limits, strict=True):
            answer = row[:limit]
            answer = answer[: answer.index(end)] if end in answer else answer
            texts.append(self.tokenizer.decode(answer, skip_special_tokens=True).strip())
        return texts


def answer_limits(prompts: Sequence[Sequence[int]], heard: Heard | None) -> list[int]:
    """The most tokens of an answer: a few more than the prompt's kept frames; TEXT_LIMIT without audio."""
    counts = iter([] if heard is None else heard.runs.counts.tolist())
    kept = [sum(next(counts) for token in prompt if token == AUDIO) for prompt in prompts]
    return [ANSWER_LEAST + round(ANSWER_PER_FRAME * count) if count else TEXT_LIMIT for count in kept]


def _with_lora(llm: Any, settings: ModelSettings) -> Any:
    """LoRA on the attention projections, in float32; the LLM keeps its class."""
    if settings.lora_rank == 0:
        return llm
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
    )
    wrapped = inject_adapter_in_model(config, llm)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    return wrapped
