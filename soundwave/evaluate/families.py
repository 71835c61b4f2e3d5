"""Metrics of a finished run, measured when asked for and kept in the run folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation.catalog import catalog_fingerprint
from manifests.errors import InputError
from manifests.files import read_object, write_json
from manifests.fingerprint import file_sha256, fingerprint
from manifests.progress import progress_bar
from manifests.runs import WEIGHTS, clips_file, eval_file, final_model, metrics_file, read_run
from manifests.switch import switched
from soundwave.evaluate.clip_values import ClipValues
from soundwave.evaluate.held_out import Context, EvalOptions
from soundwave.evaluate.held_out_fold import with_fold
from soundwave.evaluate.registry import METRICS, RATES
from soundwave.model.batch import need_conversation
from soundwave.train.runs.folder import load_model

FACTS = (
    "run",
    "stage",
    "split",
    "corpus",
    "min_words",
    "folds",
    "weights",
    "catalog",
)  # what a score says of itself, beside its figures


def measure(
    run: Path,
    catalog: Path,
    names: Sequence[str],
    options: EvalOptions,
    *,
    skip: bool = False,
    values: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Measure metrics of a finished run on held-out rows.

    Figures are kept in the run folder, error rates in eval-SPLIT.json and all others in eval-SPLIT-metrics.json, and
    read from there when the same is asked again; what single clips gave to them in eval-SPLIT-clips.json.

    Args:
        run: the run folder.
        catalog: where rows and features are.
        names: of metrics (see `soundwave.evaluate.registry`).
        options: which rows, and how.
        skip: a metric without rows is reported as `skipped`, with the reason, in place of an error.
        values: is given, for each metric, what single clips gave to its figures (see `ClipValues`); None: not wanted.

    Returns:
        `run`, `stage`, `split`, `corpus`, `min_words`, fingerprints of `weights` and `catalog`, and `families`:
        for each metric its figures (see the modules), the `seconds` that they took and the `key` of the question.

    Raises:
        MissingFileError, StaleError: no finished run, no catalog.
        SettingsError: an unknown metric.
        InputError: nothing to measure, or rows on which a run with folds was trained (see `with_fold`).
    """
    made = {"weights": file_sha256(final_model(run) / WEIGHTS), "catalog": catalog_fingerprint(catalog)}
    options = with_fold(run, catalog, options)
    keys = _keys(made, names, options)
    facts: dict[str, Any] = {"run": run.name, "stage": read_run(run).stage}
    facts |= {"split": options.split, "corpus": options.corpus, "min_words": options.min_words, **made}
    facts |= {"folds": options.folds.model_dump(mode="json")} if options.folds else {}
    known, clips = _read(run, options.split), _clips(run, options.split)
    current = [known] if values is None else [known, clips]
    missing = [name for name in names if any(kept.get(name, {}).get("key") != keys[name] for kept in current)]
    if missing:
        model, settings, _ = load_model(run)
        if settings.lm_weight:
            need_conversation(model.tokenizer, settings.system_prompt)
        context = Context(model=model, settings=settings, catalog=catalog, **vars(options))
        with progress_bar() as bar:
            task = bar.add_task(f"measure {run.name}", total=len(missing), note="")
            for name in missing:
                bar.update(task, note=name)
                with switched(run) as switch:  # figures and examples change together
                    here = replace(context, output=switch.made, values=ClipValues())
                    known[name] = {"key": keys[name], **_measured(name, here, skip=skip)}
                    clips[name] = {"key": keys[name], "figures": here.values.figures}
                    _write(switch.made, facts, name, known)
                    write_json(switch.made / clips_file(options.split), {"clips": clips})
                bar.advance(task)
    if values is not None:
        values |= {name: clips[name]["figures"] for name in names}
    return {**facts, "families": {name: known[name] for name in names}}


def _keys(made: Mapping[str, str], names: Sequence[str], options: EvalOptions) -> dict[str, str]:
    # The error rates' keys have no name in them: they are older than the other metrics, and old answers still count.
    return {
        name: fingerprint(
            *([] if name == RATES else [name]), made["weights"], made["catalog"], *METRICS.find(name).basis(options)
        )
        for name in names
    }


def _measured(name: str, context: Context, *, skip: bool) -> dict[str, Any]:
    started = time.monotonic()
    try:
        found = METRICS.find(name).measure(context)
    except InputError as error:
        if not skip:
            raise
        return {"skipped": str(error)}
    return {**found, "seconds": round(time.monotonic() - started, 2)}


def _read(run: Path, split: str) -> dict[str, dict[str, Any]]:
    """Metric -> figures that are kept in a run folder."""
    rates, others = run / eval_file(split), run / metrics_file(split)
    known: dict[str, dict[str, Any]] = read_object(others, "families")["families"] if others.is_file() else {}
    if rates.is_file():
        known[RATES] = {name: value for name, value in read_object(rates).items() if name not in FACTS}
    return known


def _clips(run: Path, split: str) -> dict[str, dict[str, Any]]:
    """Metric -> what single clips gave to its figures, and for which question; none where that is not kept."""
    path = run / clips_file(split)
    try:
        return dict(read_object(path, "clips")["clips"]) if path.is_file() else {}
    except InputError:
        return {}


def _write(folder: Path, facts: Mapping[str, Any], name: str, known: Mapping[str, dict[str, Any]]) -> None:
    """Keep the figures of the metric `name`."""
    split = str(facts["split"])
    if name == RATES:
        write_json(folder / eval_file(split), {**facts, **known[name]})
        return
    others = {family: figures for family, figures in known.items() if family != RATES}
    write_json(folder / metrics_file(split), {"run": facts["run"], "split": split, "families": others})
