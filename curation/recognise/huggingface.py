"""Any Hugging Face speech recogniser: a hub name or a folder, CTC (Wav2Vec2, HuBERT, ...) or with a decoder (Whisper).

Torch and transformers are imported when a model is loaded: the list of recognisers does not wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.pretrained import ModelKind, load_model, load_part
from curation.pretrained.families import ModelFamily
from curation.pretrained.generation import tokens_alone
from curation.recognise import Heard
from manifests.settings.makers import Needs
from manifests.units import SAMPLE_RATE

KIND = ModelKind(
    "speech recogniser",
    "Expected moonshine-tiny-en, a hub name such as openai/whisper-medium or facebook/wav2vec2-base-960h, or a folder "
    "with such a model, its tokenizer and its feature extractor.",
)


class HuggingFaceRecogniser:
    """A checkpoint, loaded onto the GPU when there is one. Its languages are the user's choice."""

    def __init__(self, name: str) -> None:
        """Load it.

        Raises:
            InputError: no recogniser loads from there.
        """
        import torch
        from transformers import (
            AutoConfig,
            AutoFeatureExtractor,
            AutoModelForCTC,
            AutoModelForSpeechSeq2Seq,
            AutoTokenizer,
        )

        config = load_part(AutoConfig, name, KIND)
        self._ctc = any(str(one).endswith("ForCTC") for one in config.architectures or ())
        self._extractor = load_part(AutoFeatureExtractor, name, KIND)
        self._tokenizer = load_part(AutoTokenizer, name, KIND)
        model = load_model(AutoModelForCTC if self._ctc else AutoModelForSpeechSeq2Seq, name, KIND)
        if not self._ctc:
            tokens_alone(model.generation_config)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.to(self._device).eval()

    def speaks(self, language: str) -> bool:
        """Whatever the user chose it for."""
        return bool(language)

    def hear(self, clips: Sequence[NDArray[np.float32]], texts: Sequence[str], language: str) -> list[Heard]:
        """Greedy transcripts and scores of the texts; see `Recogniser`."""
        import torch

        with torch.inference_mode():
            return [self._one(clip, text, language) for clip, text in zip(clips, texts, strict=True)]

    def _one(self, clip: NDArray[np.float32], text: str, language: str) -> Heard:
        features = self._extractor(clip, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        inputs = {name: value.to(self._device) for name, value in features.items()}
        tokens = self._spelled(text)
        return self._by_ctc(inputs, tokens) if self._ctc else self._by_decoder(inputs, tokens, language)

    def _spelled(self, text: str) -> list[int]:
        """Token ids of the text, without marks of its start and end; [] where one is unknown."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        if self._ctc and self._tokenizer.unk_token_id in ids:  # an alphabet of capitals, or of small letters
            ids = self._tokenizer(text.upper(), add_special_tokens=False).input_ids
            ids = [one for one in ids if one != self._tokenizer.unk_token_id]  # it has no signs
        return ids

    def _by_ctc(self, inputs: dict[str, Any], tokens: list[int]) -> Heard:
        import torch

        logits = self._model(**inputs).logits[0].float()  # (T, V)
        text = self._tokenizer.decode(logits.argmax(-1))
        if not tokens:
            return Heard(text, None)
        loss = torch.nn.functional.ctc_loss(
            logits.log_softmax(-1),
            torch.tensor(tokens, device=logits.device),
            torch.tensor(len(logits)),
            torch.tensor(len(tokens)),
            blank=int(self._tokenizer.pad_token_id),
            reduction="sum",
        )
        score = -float(loss) / len(tokens)
        return Heard(text, score if np.isfinite(score) else None)  # infinite: more tokens than frames can carry

    def _by_decoder(self, inputs: dict[str, Any], tokens: list[int], language: str) -> Heard:
        import torch

        multilingual = getattr(self._model.generation_config, "lang_to_id", None)
        told = {"language": language.partition("-")[0].lower(), "task": "transcribe"} if multilingual else {}
        said = self._model.generate(**inputs, **told)
        text = self._tokenizer.decode(said[0], skip_special_tokens=True).strip()
        if not tokens:
            return Heard(text, None)
        start = [int(self._model.config.decoder_start_token_id), *self._prompt(language)]
        end = int(self._model.generation_config.eos_token_id or self._tokenizer.eos_token_id)
        asked = torch.tensor([*start, *tokens, end], device=self._device)[None]
        logits = self._model(**inputs, decoder_input_ids=asked[:, :-1]).logits[0].float().log_softmax(-1)
        told_to = asked[0, 1:]
        likely = logits.gather(1, told_to[:, None])[len(start) - 1 :, 0]  # without the marks that open the text
        return Heard(text, float(likely.mean()))

    def _prompt(self, language: str) -> list[int]:
        """What Whisper is told after its start: language, task, no times."""
        config = self._model.generation_config
        languages = getattr(config, "lang_to_id", None) or {}
        mark = languages.get(f"<|{language.partition('-')[0].lower()}|>")
        task = (getattr(config, "task_to_id", None) or {}).get("transcribe")
        times = getattr(config, "no_timestamps_token_id", None)
        return [int(one) for one in (mark, task, times) if one is not None]


RECOGNISER = ModelFamily(HuggingFaceRecogniser, models="a hub name or a folder", needs=Needs(("torch", "transformers")))
