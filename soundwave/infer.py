"""Ask a trained run about audio files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soundwave.train.run import final_model, read_run

DEFAULT_TEMPLATE = "asr"


def infer(run: Path, files: Sequence[Path], *, prompt: str | None = None) -> list[dict[str, Any]]:
    """For each file: `file`, `seconds`, `ctc` (greedy CTC text) and `answer` (the LLM's; None after stage I).

    Args:
        run: a finished run.
        files: audio in any format that libsndfile or FFmpeg reads.
        prompt: what to ask; `{audio}` says where the sound goes (else it goes first). None: to transcribe.

    Raises:
        MissingFileError, StaleError: no finished run.
        AudioError: a file that does not decode.
    """
    import torch

    from curation.encoders import load_encoder
    from manifests.audio import read_audio
    from manifests.units import SAMPLE_RATE
    from soundwave.model.batch import pad_features
    from soundwave.model.speech_llm import SEARCH, TEXT_LIMIT, SpeechLLM
    from soundwave.train.samples import make_prompt, template_set
    from soundwave.train.settings import StageSettings
    from soundwave.train.setup import llm_dtype

    folder, info = final_model(run), read_run(run)
    settings = StageSettings(**info.settings)
    audio = [read_audio(path) for path in files]  # before the model: a bad file is reported at once
    model = SpeechLLM.from_pretrained(folder, dtype=llm_dtype(info.precision))
    frames = load_encoder(model.encoder).encode(audio)
    features, lengths = pad_features([torch.from_numpy(part) for part in frames], model.feature_dim)
    seconds = [len(samples) / SAMPLE_RATE for samples in audio]
    texts = model.transcribe(features, lengths)
    answers: Sequence[str | None] = [None] * len(files)
    if settings.lm_weight:
        template = prompt or template_set(settings.templates)[DEFAULT_TEMPLATE][0]
        template = template if "{audio}" in template else "{audio}\n" + template
        ids = make_prompt(model.tokenizer, template, None, settings.system_prompt)
        # A transcript cannot be much longer than what was heard; an answer to another question can.
        options = SEARCH if prompt is None else {"max_new_tokens": TEXT_LIMIT}
        answers = model.generate([ids] * len(files), features, lengths, **options)
    return [
        {"file": str(path), "seconds": round(length, 2), "ctc": text, "answer": answer}
        for path, length, text, answer in zip(files, seconds, texts, answers, strict=True)
    ]
