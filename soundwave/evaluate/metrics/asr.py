"""Evaluate a run on a corpus's held-out clips: greedy CTC text and the LLM's own answers against the transcripts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from manifests.errors import InputError
from manifests.files import read_json, write_json, write_jsonl
from manifests.fingerprint import file_sha256, fingerprint
from manifests.runs import WEIGHTS, eval_file, examples_file, final_model
from soundwave.evaluate.error_rates import error_rates
from soundwave.train.runs.folder import load_model

if TYPE_CHECKING:
    from soundwave.model.speech_llm import SpeechLLM
    from soundwave.train.batches.plan_data import Cut, CutStore
    from soundwave.train.settings import StageSettings

Decode = Literal["ctc", "llm", "joint"]
DECODES: tuple[Decode, ...] = ("ctc", "llm")  # what is scored when nothing is said
KNOWN: tuple[Decode, ...] = (*DECODES, "joint")
BATCH = 8  # clips of like lengths at once


def evaluate(
    run: Path,
    catalog: Path,
    *,
    split: str,
    corpus: str,
    min_words: int = 3,
    decode: Sequence[str] = DECODES,
    limit: int | None = None,
) -> dict[str, Any]:
    """Score a finished run on the transcribed clips of one split of one corpus.

    Writes eval-SPLIT.json and examples-SPLIT.jsonl (id, reference, ctc, llm) into the run folder; the same evaluation
    of the same model is read from there when it is asked for again.

    Args:
        run: the run folder.
        catalog: where clips, transcripts and features are.
        split: train, dev or test.
        corpus: the corpus's name.
        min_words: clips with fewer words in their transcript are left out.
        decode: `ctc` (greedy), `llm` (its own answers), `joint` (see `soundwave.evaluate.joint`).
        limit: the first so many clips only.

    Returns:
        `clips`, `words`, and for each decoding D: `D_wer`, `D_wer_band` (95 %), `D_cer`, `D_errors`.

    Raises:
        MissingFileError, StaleError: no finished run, no catalog.
        InputError: an unknown decoding, or no clips to score.
    """
    unknown = [name for name in decode if name not in KNOWN]
    if unknown or not decode:
        raise InputError(f"decode is {list(decode)}, expected one or more of {list(KNOWN)}")
    model_folder = final_model(run)
    key = _key(model_folder, catalog, [split, corpus, min_words, sorted(decode), limit])
    target = run / eval_file(split)
    if target.is_file() and (old := read_json(target)).get("key") == key:
        return dict(old)
    started = time.monotonic()
    model, settings, info = load_model(run)
    store = clips(catalog, split=split, corpus=corpus, min_words=min_words, encoder=model.encoder, limit=limit)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    texts = {name: dict(_decoded(name, model, settings, store, cuts)) for name in decode}
    result = {"run": run.name, "stage": info.stage, "split": split, "corpus": corpus, "min_words": min_words}
    result |= _scores(cuts, texts) | {"seconds": round(time.monotonic() - started, 2)}
    examples = (
        {"id": cut.cut_id, "reference": cut.text, **{name: found[cut.cut_id] for name, found in texts.items()}}
        for cut in cuts
    )
    write_jsonl(run / examples_file(split), examples)
    write_json(target, {"key": key, **result})
    return {"key": key, **result}


def _scores(cuts: Sequence[Cut], texts: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The result's columns for each decoding's texts by clip id."""
    references = [str(cut.text) for cut in cuts]
    languages = [cut.language or "en" for cut in cuts]
    result: dict[str, Any] = {"clips": len(cuts)}
    for name, found in texts.items():
        rates = error_rates(references, [found[cut.cut_id] for cut in cuts], languages=languages)
        errors = {kind: getattr(rates, kind) for kind in ("substitutions", "deletions", "insertions")}
        result |= {"words": rates.words, f"{name}_wer": rates.wer, f"{name}_wer_band": list(rates.wer_band)}
        result |= {f"{name}_cer": rates.cer, f"{name}_errors": errors}
    return result


def clips(
    catalog: Path, *, split: str, corpus: str, min_words: int, encoder: str, limit: int | None = None
) -> CutStore:
    """The transcribed clips of a split of a corpus, by id.

    Raises:
        InputError: there are none.
    """
    from curation.catalog import connect
    from soundwave.train.batches.plan_data import CutStore

    query = (
        "SELECT cut_id FROM accepted WHERE split = ? AND corpus = ? AND text IS NOT NULL AND duration > 0 "
        "AND len(regexp_extract_all(text, '[\\w'']+')) >= ? ORDER BY cut_id"
    )
    with connect(catalog, threads=1) as con:
        rows = con.execute(query, [split, corpus, min_words]).fetchall()
        known = [row[0] for row in con.execute("SELECT DISTINCT corpus FROM cuts ORDER BY ALL").fetchall()]
    if not rows:
        raise InputError(
            f"{catalog} has no transcribed clips of {corpus!r} in split {split!r} with {min_words} words or more. "
            f"Corpora: {', '.join(known)}; splits: train, dev, test."
        )
    return CutStore(catalog, [row[0] for row in rows][:limit], encoder=encoder)


def _decoded(
    name: str, model: SpeechLLM, settings: StageSettings, store: CutStore, cuts: Sequence[Cut]
) -> Iterator[tuple[str, str]]:
    """Clip id and decoded text, batch by batch of like lengths."""
    import torch

    from soundwave.evaluate.joint import joint_texts
    from soundwave.model.batch import pad_features
    from soundwave.model.generation import SEARCH
    from soundwave.model.tokens import written_unit
    from soundwave.train.batches.samples import make_prompt, template_set

    unit = written_unit(model.settings.ctc_vocabulary, settings.ctc_units)
    template = template_set(settings.templates)["asr"][0]
    ordered = sorted(cuts, key=lambda cut: (cut.duration, cut.cut_id))
    for first in range(0, len(ordered), BATCH):
        chosen = ordered[first : first + BATCH]
        features, lengths = pad_features([torch.from_numpy(store.frames(cut)) for cut in chosen], model.feature_dim)
        prompts = [make_prompt(model.tokenizer, template, cut, settings.system_prompt) for cut in chosen]
        if name == "ctc":
            texts = model.transcribe(features, lengths)
        elif name == "joint":
            texts = joint_texts(model, prompts, features, lengths, unit=unit)
        else:
            texts = model.generate(prompts, features, lengths, **SEARCH)
        yield from zip((cut.cut_id for cut in chosen), texts, strict=True)


def ceiling(catalog: Path, *, split: str, corpus: str, min_words: int = 3, limit: int | None = None) -> dict[str, Any]:
    """What Moonshine's own decoder scores on the same clips: `clips`, `words`, `wer`, `wer_band`, `cer`.

    Raises:
        MissingPackageError: the wheel that carries Moonshine is not installed.
        InputError: no clips to score.
    """
    from curation.encoders import MOONSHINE
    from curation.encoders.moonshine import transcribe
    from manifests.audio import read_audio

    store = clips(catalog, split=split, corpus=corpus, min_words=min_words, encoder=MOONSHINE, limit=limit)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    audio = [read_audio(Path(str(cut.source_path)), start=cut.start, duration=cut.duration) for cut in cuts]
    return error_rates([str(cut.text) for cut in cuts], transcribe(audio)).row()


def _key(model_folder: Path, catalog: Path, options: list[Any]) -> str:
    from curation.catalog import catalog_fingerprint
    from soundwave.evaluate.joint import CANDIDATES, CTC_SHARE
    from soundwave.model.generation import ANSWER_LEAST, ANSWER_PER_FRAME, SEARCH

    search = [SEARCH, ANSWER_LEAST, ANSWER_PER_FRAME]
    search += [CANDIDATES, CTC_SHARE] if "joint" in options[3] else []
    return fingerprint(file_sha256(model_folder / WEIGHTS), catalog_fingerprint(catalog), options, search)
