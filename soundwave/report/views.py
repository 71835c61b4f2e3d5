"""The workspace's own parts as the page shows them: the answer in a sentence, mixtures, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manifests.units import clock
from soundwave.ablation.claims.claim import StudyClaim
from soundwave.report import sources
from soundwave.report.drawing import charts
from soundwave.report.training import Trained
from soundwave.report.workspace import STAGE_TITLES, STAGES

Row = dict[str, Any]
UNITS = {"hours": "h", "llm_tokens": "LLM tokens"}
MEASURE_TITLES = {"lm_loss": "Next-token loss per token", "ctc_loss": "CTC loss per target token"}
LOSSES = {"loss": "Next-token loss per token", "ctc_loss": "CTC loss per target token"}  # of the ledger
MOST_DOMAINS = 8  # of a chart of losses
MOST_ARMS = 4
VERDICTS = {
    "better": "Stage I pays.",
    "worse": "Stage I costs more than it brings here.",
    "not distinguishable": "These runs cannot tell the two apart.",
    "one seed": "One seed cannot say whether stage I pays.",
}


def lead(rates: Mapping[str, Row | None], corpora: Sequence[Row], tested: StudyClaim | str) -> str:
    """The answer in a sentence or two; says what has not been measured. tested: the arms with and without stage I."""
    full, without = last_answers(rates), last_answers(rates, "without_stage_1_")
    if full is None and without is None:
        held = f"{len(corpora)} prepared corpora" if corpora else "no prepared corpus"
        return f"No three-stage training has been evaluated here yet; the workspace holds {held}."
    if full is None or without is None:
        one, name = (full, "with") if full else (without, "without")
        return (
            f"The recipe {name} stage I reaches a word error rate of {one['wer']:.2f}; the other arm is missing."
            if one
            else ""
        )
    sentence = (
        f"After all stages, the LLM's answers have a word error rate of {full['wer']:.2f} with stage I and "
        f"{without['wer']:.2f} without it, on {full['clips']} held-out clips. "
    )
    times = [clock(row["training_seconds"]) for row in (full, without) if row.get("training_seconds") is not None]
    if len(times) == 2:
        sentence += f"Training took {times[0]} and {times[1]}. "
    return sentence + (tested if isinstance(tested, str) else f"{VERDICTS[tested.verdict]} {tested.sentence}")


def last_answers(rates: Mapping[str, Row | None], arm: str = "") -> Row | None:
    """Error rate of the LLM's answers after the last stage that an arm has; None: it was not measured."""
    return rates[f"{arm}llm_after_stage_3"] or rates[f"{arm}llm_after_stage_2"]


def mixture_view(row: Row, run: Path | None, trained: Trained) -> Row:
    """One mixture with its chart and its facts in words. run: that was trained on it; None: no run is known."""
    stage = STAGE_TITLES.get(row.get("stage", ""), row["name"])
    facts = [
        f"{row['steps']:,} steps" if row.get("steps") is not None else "",
        f"{row['draws']:,} draws" if row.get("draws") is not None else "",
        f"budget {row['budget']:g} {UNITS.get(row['unit'], row['unit'])}" if row.get("budget") is not None else "",
        f"about {row['batch_seconds']:g} s of audio a step" if row.get("batch_seconds") is not None else "",
        f"seed {row['seed']}" if row.get("seed") is not None else "",
    ]
    shares = trained.shares.get(run, {}) if run is not None else {}
    domains = [
        domain | {"planned_share": domain["realised"]} | _trained_part(shares.get(domain["domain"]))
        for domain in row["domains"]
    ]
    is_trained = any(domain["trained"] is not None for domain in domains)
    drawn = [domain | ({"realised": domain["trained"] or 0.0} if is_trained else {}) for domain in domains]
    return row | {
        "title": stage,
        "facts": ", ".join(fact for fact in facts if fact),
        "domains": charts.most(domains, "draws"),
        "chart": charts.shares_chart(drawn, label=f"Planned and realised shares of {row['name']}"),
        "is_trained": is_trained,
        "run": None if run is None else run.name,
        "why": sources.command("why", row["folder"]),
        "ledger": sources.command("ledger", run) if run is not None and is_trained else None,
    }


def _trained_part(row: Mapping[str, Any] | None) -> Row:
    if row is None:
        return {"trained": None, "trained_draws": None}
    return {"trained": row["realised"], "trained_draws": row["draws"]}


def ledger_runs(curves: Sequence[Row]) -> list[Path]:
    """The runs whose losses by domain are shown: of each stage the first ones."""
    stages = dict.fromkeys(row["stage"] for row in curves)
    return [row["folder"] for stage in stages for row in [row for row in curves if row["stage"] == stage][:MOST_ARMS]]


def stage_views(curves: Sequence[Row], trained: Trained) -> list[Row]:
    """One per stage: a chart for each measure that its runs recorded, and losses by domain."""
    views = []
    for stage in [*STAGES, *sorted({row["stage"] for row in curves} - set(STAGES))]:
        rows = [row for row in curves if row["stage"] == stage][: charts.MOST_NAMES]
        measures = [name for name in MEASURE_TITLES if any(name in point for row in rows for point in row["points"])]
        if rows:
            title = STAGE_TITLES.get(stage, stage)
            drawn = [
                charts.curve_chart(rows, name, MEASURE_TITLES[name], label=f"{title}: {name}") for name in measures
            ]
            by_domain = [
                charts.domains_chart(points, said, label=f"{title}: {said} by domain over steps")
                for name, said in LOSSES.items()
                if (points := _domain_points(rows, trained, name))
            ]
            views.append({"title": title, "charts": drawn, "by_domain": by_domain, "note": _curve_note(rows)})
    return views


def _domain_points(rows: Sequence[Row], trained: Trained, measure: str) -> list[Row]:
    """Losses of the most drawn domains over the steps of the first arms: arm, domain, step, value."""
    found = [
        {"arm": row["arm"], "domain": one["domain"] or "none", "value": one[measure], "draws": one["draws"]}
        | {"step": (one["first_step"] + one["last_step"]) / 2}
        for row in rows[:MOST_ARMS]
        for one in trained.losses.get(row["folder"], ())
        if one[measure] is not None
    ]
    draws: dict[str, int] = {}
    for point in found:
        draws[point["domain"]] = draws.get(point["domain"], 0) + point["draws"]
    kept = sorted(draws, key=lambda name: (-draws[name], name))[:MOST_DOMAINS]
    return sorted((row for row in found if row["domain"] in kept), key=lambda row: kept.index(row["domain"]))


def _curve_note(rows: Sequence[Row]) -> str:
    steps = "; ".join(f"{row['arm']}: {row['steps']:,} steps" for row in rows)
    most = max(point["averaged"] for row in rows for point in row["points"])
    return f"{steps}. " + (f"Each point averages up to {most} steps." if most > 1 else "Each point is one step.")
