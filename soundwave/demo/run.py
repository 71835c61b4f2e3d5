"""The whole pipeline on real recordings with real pretrained models, in one resumable run.

Every phase calls the same functions as the command of its name; each of them reuses what is done and goes on where an
interrupted run stopped, so this file holds the order, the choices of the demo, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.audit import run_audits
from curation.catalog import INDEX, build, catalog_fingerprint, connect
from curation.passes.align import Align
from curation.passes.encode import Encode
from curation.passes.quality import Quality
from curation.passes.runner import run_pass
from curation.passes.shards import LabelPass
from curation.passes.workers import WorkerPool
from curation.plan import make_plan
from curation.text.readings import number_readings
from manifests.errors import InputError, StaleError
from manifests.files import claim_folder, read_object, write_json
from manifests.plans import LOCK, Lock
from manifests.rows import CORPUS, PASS_FILE, CorpusInfo
from manifests.runs import RUN, read_run
from manifests.shown.tables import print_rows
from manifests.units import clock
from recipes import registry
from soundwave.ablation.results import GRID
from soundwave.ablation.run import ablate
from soundwave.demo.assets import fetch_assets
from soundwave.demo.phases import Phases, tell
from soundwave.demo.settings import DemoSettings, load_demo
from soundwave.evaluate.held_out import EvalOptions
from soundwave.evaluate.metrics.asr import ceiling
from soundwave.report.page import write_report

TIMINGS, REPORT, SUMMARY = "timings.json", "report.html", "summary.json"
MIXTURES, RUNS = "mixtures", "ablation"
HELD_OUT_CLIP = """
SELECT source_path FROM accepted WHERE split = 'test' AND task = 'asr' AND duration BETWEEN 2 AND 4
ORDER BY cut_id LIMIT 1
"""
MADE = (  # of a workspace: by an earlier version of the demo, or by single commands
    TIMINGS,
    f"corpora/*/{CORPUS}",
    f"labels/*/*/{PASS_FILE}",
    f"catalog/{INDEX}",
    f"mixtures/*/{LOCK}",
    f"runs/*/{RUN}",
    f"ablation/*/{GRID}",
)


def run_demo(output: Path, settings: DemoSettings | None = None) -> dict[str, Any]:
    """Build the workspace `output` from nothing, or bring it up to date; returns what summary.json says.

    Args:
        output: folder of corpora, labels, catalog, plans, runs and report.
        settings: what is prepared and trained; None: the short demo.

    Raises:
        SettingsError: a setting that a stage, mixture or grid does not have; nothing is made then.
        OccupiedError: `output` holds other files and nothing of a workspace; nothing was touched.
        InputError: whatever stops a phase: no network for the corpora, a missing package, a full disk.
    """
    settings = settings or load_demo()
    settings.check()
    claim_folder(output, "a workspace", known=MADE)
    phases = Phases(output / TIMINGS)
    _assets(phases, settings)
    corpora = _prepare(phases, output, settings)
    _label(phases, output, settings, [info.name for info in corpora if info.cuts])
    _catalog(phases, output)
    _ceiling(phases, output)
    _look(phases, output)
    _plans(phases, output, settings)
    run = _train(phases, output, settings)
    _audit(phases, output)
    summary = _report(phases, output)
    phases.table()
    tell(f"report:  {output / REPORT}\nsummary: {output / SUMMARY}")
    tell("\n".join(next_commands(output, run, _held_out_clip(output))))
    return summary


def _assets(phases: Phases, settings: DemoSettings) -> None:
    with phases.phase("assets", "Corpora and pretrained models") as phase:
        began = phases.elapsed()
        phase.note = "; ".join(line.partition(":")[0] for line in fetch_assets(settings.corpora))
        phase.reused = phases.elapsed() - began < 2.0  # nothing fetched, nothing converted


def _prepare(phases: Phases, output: Path, settings: DemoSettings) -> list[CorpusInfo]:
    with phases.phase("prepare", "Recipes: corpora -> manifests") as phase:
        made = [output / "corpora" / registry.find(name).corpus / CORPUS for name in settings.corpora]
        before = _times(made)
        infos = [
            registry.prepare(name, output / "corpora", readings=number_readings, count=settings.counts.get(name))
            for name in settings.corpora
        ]
        phase.reused = before == _times(made)
        cuts, texts = sum(info.cuts for info in infos), sum(info.texts for info in infos)
        phase.note = (
            f"{cuts:,} cuts, {texts:,} text-only rows, {sum(info.hours for info in infos):.2f} h, "
            f"{sum(info.rejects for info in infos)} rejects"
        )
    return infos


def _label(phases: Phases, output: Path, settings: DemoSettings, recordings: Sequence[str]) -> None:
    jobs: dict[str, list[tuple[LabelPass, str]]] = {
        "quality": [(Quality(), name) for name in recordings],
        "align": [(Align(), name) for name in settings.aligned],
        "encode": [(Encode(speeds=settings.speeds.get(name, (1.0,))), name) for name in recordings],
    }
    with WorkerPool(workers=settings.workers) as pool:
        for name, tasks in jobs.items():
            with phases.phase(name, f"Labelling pass: {name}") as phase:
                done = [
                    run_pass(job, output / "corpora" / corpus, output / "labels", pool=pool) for job, corpus in tasks
                ]
                phase.reused = all(summary.shards == summary.shards_reused for summary in done)
                phase.note = (
                    f"{sum(summary.labelled for summary in done):,} cuts labelled, "
                    f"{sum(summary.rejected for summary in done)} rejected"
                )


def _catalog(phases: Phases, output: Path) -> None:
    with phases.phase("catalog", "Catalog: manifests and labels -> Parquet") as phase:
        summary = build(output / "corpora", output / "labels", output / "catalog")
        phase.reused = summary.written == 0
        phase.note = f"{summary.rows('cuts'):,} cuts, {summary.rows('words'):,} words, {summary.hours:.2f} h"


def _look(phases: Phases, output: Path) -> None:
    """A report of the data, before the first training: there is something to look at and to hear."""
    report = output / REPORT
    with phases.phase("look", "A first report, of the data alone") as phase:
        phase.reused = all(before.reused for before in phases.done) and report.is_file()
        if not phase.reused:
            write_report(output, report)
        phase.note = f"{REPORT} after {clock(phases.elapsed())}"
    tell(f"    look:   {report}\n    listen: soundwave explore {output} (in another terminal, while this goes on)")


def _plans(phases: Phases, output: Path, settings: DemoSettings) -> None:
    with phases.phase("mix", "Mixtures: SQL and shares -> plans") as phase:
        mixtures = settings.first_mixtures()
        made = [output / MIXTURES / stage / LOCK for stage in mixtures]
        before = _times(made)
        locks = [
            make_plan(mixture, output / "catalog", lock.parent, aside=True)
            for lock, mixture in zip(made, mixtures.values(), strict=True)
        ]
        phase.reused = before == _times(made)
        named = dict(zip(mixtures, locks, strict=True))
        phase.note = ", ".join(f"{name} {lock.steps} steps" for name, lock in named.items())
        _shares_table(named)


def _times(paths: Sequence[Path]) -> list[int]:
    """When each file was last made; 0 where there is none."""
    return [path.stat().st_mtime_ns if path.is_file() else 0 for path in paths]


def _shares_table(locks: Mapping[str, Lock]) -> None:
    rows = [
        {
            "plan": plan,
            "domain": name,
            "planned": f"{domain.share:.2%}",
            "realised": f"{domain.realised_share:.2%}",
            "draws": domain.draws,
            "cuts": domain.unique,
            "most uses": domain.max_repeat,
        }
        for plan, lock in locks.items()
        for name, domain in lock.domains.items()
    ]
    print_rows(rows, title="Planned and realised shares", right=("planned", "realised"), stderr=True)


def _train(phases: Phases, output: Path, settings: DemoSettings) -> Path:
    """Train and evaluate all arms; the last run of the first one."""
    with phases.phase("train", "Stages and the data ablation: train and evaluate") as phase:
        summary = ablate(
            settings.grids,
            output / "catalog",
            output / RUNS,
            workers=settings.workers,
            overrides=settings.grid_overrides(),
            aside=True,
        )
        if summary.failed:
            title, log = next(iter(summary.failed.items()))
            raise InputError(f"{title} failed; its log is {log}. Run the demo again to go on from what is done.")
        phase.reused = summary.trained == 0
        runs = {output / RUNS / row["run"] for row in summary.rows}
        share = sum(read_run(run).seconds for run in runs) / settings.workers
        phase.note = (
            f"{len(summary.rows)} rows; {summary.trained} trained, {summary.reused} reused; "
            f"{clock(share)} of training, the rest is evaluation"
        )
    return output / RUNS / str(next(row["run"] for row in summary.rows if row["last"]))


def _audit(phases: Phases, output: Path) -> None:
    with phases.phase("audit", "Audits: SQL that selects what is wrong") as phase:
        found = run_audits(output / "catalog", plans=output / RUNS / "plans")
        failed = [finding.name for finding in found if finding.failed]
        warned = [finding.name for finding in found if finding.rows and not finding.failed]
        # Which of equally bad rows are shown as examples may differ; what was found and how often may not.
        path, counts = output / "findings.json", {finding.name: finding.rows for finding in found}
        phase.reused = path.is_file() and read_object(path, "counts")["counts"] == counts
        write_json(path, {"counts": counts, "findings": [finding.row() for finding in found]})
        phase.note = f"{len(found)} audits of catalog and training plans: {len(failed)} errors, {len(warned)} warnings"
        if failed:
            raise StaleError(f"The audits {', '.join(failed)} found errors; see {path}.")


def _ceiling(phases: Phases, output: Path) -> None:
    with phases.phase("ceiling", "Ceiling: the encoder's own decoder on the held-out clips") as phase:
        path, key = output / "ceiling.json", catalog_fingerprint(output / "catalog")
        value = read_object(path) if path.is_file() else {}
        phase.reused = value.get("catalog") == key
        if not phase.reused:
            value = ceiling(output / "catalog", EvalOptions(split="test", corpus="asterisk")) | {"catalog": key}
            write_json(path, value)
        phase.note = f"WER {value['wer']:.3f}"


def _report(phases: Phases, output: Path) -> dict[str, Any]:
    with phases.phase("report", "Report") as phase:
        made = [output / REPORT, output / SUMMARY]
        phase.reused = all(before.reused for before in phases.done) and 0 not in _times(made)
        if not phase.reused:
            write_report(output, made[0])
        phase.note = f"{REPORT}, {SUMMARY}"
    return read_object(output / SUMMARY)


LONG = "--long"  # of the command that runs this


def next_commands(output: Path, run: Path, clip: str) -> list[str]:
    """Three commands to go on with, each with a line that says what for.

    Args:
        output: the workspace.
        run: the last run of the demo's first arm.
        clip: a file that it can be asked about.
    """
    return [
        "Next:",
        f"  soundwave explore {output}",
        "      hear the clips with their words lit, ask the catalog in SQL, move a mixture's shares",
        f"  soundwave infer {run} {clip}",
        "      what the model hears in a prompt that it never trained on",
        f"  soundwave demo {LONG}",
        "      more corpora, more hours, all three stages: for the best figure (an hour or two)",
    ]


def _held_out_clip(output: Path) -> str:
    """The file of a held-out prompt of some words."""
    with connect(output / "catalog", threads=1) as con:
        (found,) = con.execute(HELD_OUT_CLIP).fetchall()[0]
    return os.path.relpath(found) if Path(found).is_relative_to(Path.cwd()) else str(found)
