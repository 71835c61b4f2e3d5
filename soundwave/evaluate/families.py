"""Metric families beside the error rates: measured when asked for, one file each, kept in the run folder."""

from __future__ import annotations

import importlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError
from manifests.files import read_json, write_json
from manifests.fingerprint import file_sha256, fingerprint
from manifests.progress import progress_bar
from manifests.runs import WEIGHTS, final_model, metrics_file, read_run

if TYPE_CHECKING:
    from soundwave.evaluate.held_out import Context

# Family -> module of soundwave.evaluate with `measure(context)`, in the order in which they are measured.
FAMILIES = {
    "st": "translation",
    "sound": "sound",
    "ctc": "ctc",
    "kept": "kept",
    "similarity": "similarity",
    "retention": "retention",
    "speed": "speed",
}
VERSION = 2  # of the definitions; raise it when a family's figures change


def choose(metrics: Sequence[str]) -> tuple[bool, list[str]]:
    """Are the error rates (`asr`) asked for, and which families; `all` is everything.

    Raises:
        InputError: an unknown name.
    """
    names = [name.strip() for entry in metrics for name in entry.split(",") if name.strip()]
    unknown = [name for name in names if name not in {"all", "asr", *FAMILIES}]
    if unknown or not names:
        raise InputError(f"metrics are {names}; expected some of: all, asr, {', '.join(FAMILIES)}.")
    everything = "all" in names
    return everything or "asr" in names, [name for name in FAMILIES if everything or name in names]


def measure(
    run: Path,
    catalog: Path,
    families: Sequence[str],
    *,
    split: str,
    corpus: str | None = None,
    min_words: int = 3,
    limit: int | None = None,
    text: Path | None = None,
    skip: bool = False,
) -> dict[str, Any]:
    """Measure metric families of a finished run on held-out rows.

    Each family's figures are kept in eval-SPLIT-metrics.json of the run folder, and read from there when the same is
    asked again.

    Args:
        run: the run folder.
        catalog: where rows and features are.
        families: of FAMILIES.
        split: train, dev or test.
        corpus: whose rows; None: of every corpus that has rows of the family's task.
        min_words: transcripts with fewer words are left out.
        limit: so many rows of each task, always the same ones; None: all, or the family's own limit (similarity,
            retention, speed).
        text: what `retention` measures perplexity on.
        skip: a family without rows is reported as `skipped`, with the reason, in place of an error.

    Returns:
        `run`, `stage`, `split`, `corpus`, and `families`: for each its figures (see the modules) and `seconds`.

    Raises:
        MissingFileError, StaleError: no finished run, no catalog.
        InputError: nothing to measure.
    """
    options = {"split": split, "corpus": corpus, "min_words": min_words, "limit": limit}
    keys = _keys(run, catalog, families, [*options.values(), file_sha256(text) if text else None])
    target = run / metrics_file(split)
    known = read_json(target)["families"] if target.is_file() else {}
    missing = [name for name in families if known.get(name, {}).get("key") != keys[name]]
    if missing:
        context = _context(run, catalog, text=text, **options)
        with progress_bar() as bar:
            task = bar.add_task(f"measure {run.name}", total=len(missing), note="")
            for name in missing:
                bar.update(task, note=name)
                known[name] = {"key": keys[name], **_measured(name, context, skip=skip)}
                write_json(target, {"run": run.name, "split": split, "families": known})
                bar.advance(task)
    info = read_run(run)
    chosen = {name: known[name] for name in families}
    return {"run": run.name, "stage": info.stage, "split": split, "corpus": corpus, "families": chosen}


def _keys(run: Path, catalog: Path, families: Sequence[str], options: list[Any]) -> dict[str, str]:
    from curation.catalog import catalog_fingerprint

    made = [file_sha256(final_model(run) / WEIGHTS), catalog_fingerprint(catalog), options, VERSION]
    return {name: fingerprint(name, *made) for name in families}


def _context(run: Path, catalog: Path, **options: Any) -> Context:
    from soundwave.evaluate.held_out import Context
    from soundwave.train.runs.folder import load_model

    model, settings, _ = load_model(run)
    return Context(model=model, settings=settings, catalog=catalog, **options)


def _measured(name: str, context: Context, *, skip: bool) -> dict[str, Any]:
    module = importlib.import_module(f"soundwave.evaluate.{FAMILIES[name]}")
    started = time.monotonic()
    try:
        found: dict[str, Any] = module.measure(context)
    except InputError as error:
        if not skip:
            raise
        return {"skipped": str(error)}
    return {**found, "seconds": round(time.monotonic() - started, 2)}
