"""The whole model: encoder frames -> alignment adapter -> CTC head -> shrinking adapter -> LLM.

Dimensions: B samples, A audios of all samples together, T encoder frames, F encoder width, S adapter frames, K kept
frames, D LLM width, L positions of the LLM, V its vocabulary. All but B, A, F, D, V are padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedModel

from curation import encoders
from curation.pretrained import ModelKind, library_errors
from curation.pretrained.weights import read_weights
from manifests.errors import ManifestError, SettingsError
from manifests.files import atomic_write, write_json
from manifests.runs import WEIGHTS
from soundwave.model.adapters import FRAMES_JOINED, make_adapters
from soundwave.model.batch import AdapterOutput, Batch, SpeechLLMOutput, pad_features, render
from soundwave.model.config import CONFIG, SpeechConfig
from soundwave.model.ctc.head import least_frames
from soundwave.model.ctc.linear_head import at_least_float32
from soundwave.model.generation import answer_limits, answer_texts
from soundwave.model.llm import load_llm, pick_dtype, with_lora
from soundwave.model.released.layout import is_released
from soundwave.model.released.load import released_adapters, released_config, released_tower
from soundwave.model.sequences import embed_sequences, hidden_states, shared_start
from soundwave.model.settings import Compat, ModelSettings
from soundwave.model.shrinking_adapter import (
    even_runs,
    find_runs,
    merge_runs,
    run_means,
    spelled,
    token_embeddings,
)
from soundwave.model.tokens import TokenTable

GO_ON = "Train the run again, or take its folder from a copy."
SAVED = ModelKind("saved model", f"Expected what its config.json says, around the LLM that it names. {GO_ON}")
AUTO = frozenset(
    {"adapter_kwargs", "cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token"}
    | {"trust_remote_code", "_from_auto", "_commit_hash"}
)
"""Options that transformers' auto classes always pass on; a local folder needs none of them."""


class SpeechLLM(PreTrainedModel):
    """A speech LLM. Make one with `SpeechLLM.create` or `SpeechLLM.from_pretrained`.

    transformers' `AutoModel` and `AutoModelForCausalLM` load it too, once this module is imported.
    """

    config_class = SpeechConfig
    supports_gradient_checkpointing = True

    def __init__(
        self, config: SpeechConfig, *, llm: Any = None, tokenizer: Any = None, dtype: torch.dtype = torch.float32
    ) -> None:
        """llm, tokenizer: what `load_llm` gives; None: that of the LLM which the config names, as `dtype`."""
        super().__init__(config)
        settings = ModelSettings(**config.settings)
        if llm is None:
            llm, tokenizer = load_llm(settings.llm, dtype=dtype)
        self.settings, self.tokenizer = settings, tokenizer
        self.encoder, self.feature_dim = config.encoder, config.feature_dim
        for parameter in llm.parameters():
            parameter.requires_grad_(False)
        self.alignment, self.ctc_head, self.shrinking = make_adapters(
            settings, llm, feature_dim=config.feature_dim, token_ids=config.token_ids
        )
        self.llm = with_lora(llm, settings)
        self.table = TokenTable(tokenizer, config.token_ids)
        self.post_init()

    def init_weights(self) -> None:
        """Do nothing: the LLM brings its weights, and the adapters set theirs when they are made."""

    def get_input_embeddings(self) -> nn.Module:
        """The LLM's."""
        module: nn.Module = self.llm.get_input_embeddings()
        return module

    def get_output_embeddings(self) -> nn.Module:
        """The LLM's."""
        module: nn.Module = self.llm.get_output_embeddings()
        return module

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
        return cls._made(SpeechConfig(settings.model_dump(), encoder, feature_dim, token_ids), dtype, seed)

    @classmethod
    def _made(cls, config: SpeechConfig, dtype: torch.dtype, seed: int = 0) -> SpeechLLM:
        llm, tokenizer = load_llm(config.settings["llm"], dtype=dtype)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(config, llm=llm, tokenizer=tokenizer)

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        compat: Compat | None = None,
        dtype: torch.dtype | str | None = None,
        config: SpeechConfig | None = None,
        **options: Any,
    ) -> SpeechLLM:
        """A model that `save_pretrained` wrote, or the authors' released weights.

        Args:
            path: the folder.
            compat: overrides what the model was trained as (the released weights: `reference`).
            dtype: of the frozen LLM; None: float32.
            config: from transformers' auto classes; only its dtype counts, the rest is read again.
            options: what the auto classes pass on; a local folder needs none of it.

        Raises:
            MissingFileError: no model there.
            ManifestError: a config.json of another format, or released weights of another layout.
            SettingsError: an unknown option.
        """
        _refuse_unknown(options)
        kind, path = pick_dtype(dtype, config), Path(path)
        if is_released(path):
            model = cls._made(released_config(path, compat), kind)
            model.load_adapters(model.adapter_state() | released_adapters(path))
        else:
            config = SpeechConfig.read(path, compat)
            with library_errors(str(path), SAVED):  # numbers that fit neither each other nor the LLM of today
                model = cls._made(config, kind)
            model.load_adapters(read_weights(path / WEIGHTS, mend=GO_ON))
        model.eval()
        return model

    def save_pretrained(self, path: str | Path, weights: dict[str, Tensor] | None = None, **options: Any) -> None:
        """Write config.json and adapters.safetensors (all but the frozen LLM, which is kept by name).

        weights: other values for `adapter_state()`, such as their running averages. options: what transformers'
        trainer passes on; not needed.
        """
        state = self.adapter_state() if weights is None else weights
        with atomic_write(Path(path) / WEIGHTS) as temporary:
            save_file({name: value.detach().float().cpu().contiguous() for name, value in state.items()}, temporary)
        write_json(Path(path) / CONFIG, self.config.row())

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Any = None, **options: Any) -> None:
        """Keep none of the LLM's activations between its layers; they are computed again in the backward pass.

        The start that prompts share then goes through the LLM with every prompt: checkpointed layers keep no cache.
        """
        chosen = gradient_checkpointing_kwargs or {"use_reentrant": False}
        enable = getattr(self.llm, "activation_checkpointing_enable", self.llm.gradient_checkpointing_enable)
        enable(chosen, **options)

    def gradient_checkpointing_disable(self) -> None:
        """Keep the activations again."""
        getattr(self.llm, "activation_checkpointing_disable", self.llm.gradient_checkpointing_disable)()

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

    def hear(self, features: Tensor, lengths: Tensor, *, temperature: float = 0.0) -> AdapterOutput:
        """Encoder frames (A, T, F) -> kept frames (A, K, D) in the LLM's space.

        temperature: above 0, frames are read at a temperature between 0 and this, another for each audio.
        """
        return self._shrink(*self.align(features, lengths), temperature=temperature)

    def _shrink(
        self,
        frames: Tensor,
        counts: Tensor,
        *,
        temperature: float = 0.0,
        best: tuple[Tensor, Tensor] | None = None,
    ) -> AdapterOutput:
        """`hear` from adapter frames (A, S, D) on; best: what CTC says of them, if that is known already."""
        settings = self.settings
        if settings.shrinking != "ctc":
            runs = even_runs(counts, frames.shape[1], FRAMES_JOINED[settings.shrinking])
            return AdapterOutput(frames, counts, self.shrinking(frames, counts, runs), runs)
        if best is not None:
            classes, scores = best
        elif temperature:
            scale = temperature * torch.rand(len(counts), device=frames.device)
            classes, scores = self.ctc_head.sample(frames, scale)
        else:
            classes, scores = self.ctc_head.best(frames, counts)
        runs = find_runs(
            classes, scores, counts, blank=self.ctc_head.blank, keep=settings.keep, blank_runs=settings.blank_runs
        )
        tokens: list[list[int]] = []
        if settings.merge_letters:
            tokens, groups = spelled(self.table, classes, runs, self.ctc_head.blank)
            runs = merge_runs(runs, groups, scores, settings.keep)
        kept = self.shrinking(frames, counts, runs)
        if settings.merge_letters and settings.posterior_embeddings:
            kept = kept + token_embeddings(self.embeddings, tokens, scores, runs)
        elif settings.posterior_embeddings:
            vectors, mass = self.ctc_head.expected_embedding(frames, self.embeddings)
            kept = kept + run_means(vectors, mass, runs)
        return AdapterOutput(frames, counts, kept, runs)

    @property
    def embeddings(self) -> Tensor:
        """The LLM's input embeddings (V, D)."""
        weight: Tensor = self.llm.get_input_embeddings().weight
        return weight

    @torch.no_grad()
    def greedy_classes(self, features: Tensor, lengths: Tensor) -> list[list[int]]:
        """CTC's best class of each frame, runs collapsed, blanks removed, for each audio: features (A, T, F)."""
        if not len(lengths):
            return []
        frames, counts = self.align(features, lengths)
        best = zip(self.ctc_head.argmax(frames), counts.tolist(), strict=True)
        runs = [row[:count].unique_consecutive().tolist() for row, count in best]
        return [[label for label in row if label != self.ctc_head.blank] for row in runs]

    def transcribe(self, features: Tensor, lengths: Tensor) -> list[str]:
        """Greedy CTC text of each audio: features (A, T, F)."""
        return [self.table.decode(classes) for classes in self.greedy_classes(features, lengths)]

    # Training

    def forward(
        self, batch: Batch, *, lm_weight: float = 1.0, ctc_weight: float = 0.3, temperature: float = 0.0
    ) -> SpeechLLMOutput:
        """Losses of a batch. `lm_weight` 0: the LLM is not run. `ctc_weight` 0: no CTC loss is computed.

        temperature: see `hear`.
        """
        audios, samples = len(batch.lengths), len(batch.prompts)
        device = self.ctc_head.weight.device
        nothing = torch.full((audios,), torch.nan)
        ctc_sum, ctc_each = torch.zeros((), device=device), nothing
        heard, counts = None, torch.zeros(0, dtype=torch.long)
        if audios:
            frames, counts = self.align(batch.features, batch.lengths)
            best, asks = None, bool(lm_weight) and not temperature and self.settings.shrinking == "ctc"
            if ctc_weight:
                ctc_sum, ctc_each, best = self._ctc(frames, counts, batch.targets, best=asks)
            if lm_weight:
                heard = self._shrink(frames, counts, temperature=temperature, best=best)
        lm_sum, lm_each = torch.zeros((), device=device), torch.full((samples,), torch.nan)
        if lm_weight:
            lm_sum, lm_each = self._language(batch, heard)
        kept = counts if heard is None else heard.runs.counts
        return SpeechLLMOutput(lm_weight * lm_sum + ctc_weight * ctc_sum, lm_each, ctc_each, counts, kept)

    def _ctc(
        self, frames: Tensor, counts: Tensor, targets: Sequence[Sequence[int] | None], *, best: bool
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        """Mean CTC loss per target token, and of each audio (NaN without a target, or with too few frames).

        best: whether each frame's best class, and its log-probability, are wanted too.
        """
        fitting = [
            target is not None and least_frames(target) <= count
            for target, count in zip(targets, counts.tolist(), strict=True)
        ]
        labels = [target if fits and target else () for target, fits in zip(targets, fitting, strict=True)]
        tokens = torch.tensor([len(target) for target in labels], device=frames.device)
        if best:
            losses, found = self.ctc_head.loss_and_best(frames, counts, labels)
        else:
            losses, found = self.ctc_head.loss(frames, counts, labels), None
        losses = losses.to(frames.device)
        known = torch.tensor(fitting, device=frames.device)
        losses = losses.masked_fill(~known, 0.0)
        total = losses.sum() / tokens.sum().clamp(min=1)
        return total, (losses.detach() / tokens.clamp(min=1)).masked_fill(~known, torch.nan), found

    def _language(self, batch: Batch, heard: AdapterOutput | None) -> tuple[Tensor, Tensor]:
        """Mean next-token loss over all answer tokens, and over each sample's."""
        rows, places = embed_sequences(self.llm, batch.prompts, batch.answers, heard)
        # Layers that are checkpointed keep no cache to share.
        checkpointing = self.training and getattr(self.llm.model, "gradient_checkpointing", False)
        prefix = 0 if checkpointing else shared_start(batch.prompts)
        hidden = hidden_states(self.llm, rows, prefix)
        # Only where an answer is predicted: (B, L, D) -> (answer tokens, D)
        owner = torch.tensor([b for b, answer in enumerate(batch.answers) for _ in answer], device=hidden.device)
        where = [places[b] - prefix + i for b, answer in enumerate(batch.answers) for i in range(len(answer))]
        wanted = torch.tensor([token for answer in batch.answers for token in answer], device=hidden.device)
        if not len(wanted):
            return hidden.sum() * 0.0, torch.full((len(rows),), torch.nan)
        logits = self.llm.lm_head(hidden[owner, torch.tensor(where, device=hidden.device)])
        losses = F.cross_entropy(at_least_float32(logits), wanted, reduction="none")
        each = losses.new_zeros(len(rows)).index_add_(0, owner, losses.detach())
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

        max_new_tokens: for all, or for each prompt; None: `answer_limits` of each prompt's kept frames.
        """
        heard = self.hear(features, lengths) if len(lengths) else None
        rows, _ = embed_sequences(self.llm, prompts, [()] * len(prompts), heard)
        limits = answer_limits(prompts, heard) if max_new_tokens is None else max_new_tokens
        limits = [limits] * len(rows) if isinstance(limits, int) else list(limits)
        return answer_texts(self.llm, self.tokenizer, rows, limits, options)

    def reply(
        self, conversations: Sequence[Sequence[dict[str, str]]], clips: Sequence[NDArray[np.float32]], **options: Any
    ) -> list[str]:
        """The LLM's next turn in each conversation, through its own chat template.

        Args:
            conversations: messages `{"role", "content"}`; AUDIO_MARK in a content stands for the next of `clips`.
            clips: 16 kHz mono samples (N,) of any length, in the order of their marks.
            options: as of `generate`.

        Raises:
            InputError: more or fewer marks than clips.
        """
        prompts = [render(self.tokenizer, messages) for messages in conversations]
        frames = self.load_encoder().encode(clips) if clips else []
        features, lengths = pad_features([torch.from_numpy(part) for part in frames], self.feature_dim)
        return self.generate(prompts, features.to(self.device), lengths.to(self.device), **options)

    def load_encoder(self) -> encoders.Encoder:
        """The encoder whose frames the model reads; that of released weights comes out of their own files."""
        if is_released(Path(self.encoder)):
            return released_tower(Path(self.encoder), whole=self.settings.compat == "reference")
        return encoders.load_encoder(self.encoder)


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    """Refuse options that `from_pretrained` does not have.

    Raises:
        SettingsError: an unknown option; the message names it.
    """
    unknown = sorted(set(options) - AUTO)
    if unknown:
        raise SettingsError(f"from_pretrained has no option {unknown[0]!r}. Expected compat or dtype.")


AutoConfig.register(SpeechConfig.model_type, SpeechConfig, exist_ok=True)
AutoModel.register(SpeechConfig, SpeechLLM, exist_ok=True)
AutoModelForCausalLM.register(SpeechConfig, SpeechLLM, exist_ok=True)
