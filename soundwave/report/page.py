"""The page: everything a workspace holds, through templates/, as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

import manifests
from manifests.files import claim_file, write_json, write_text
from manifests.switch import switched
from manifests.units import clock
from soundwave.report import data, outcome, sources, training
from soundwave.report.clips.shown import ShownClips, shown_clips
from soundwave.report.drawing import charts
from soundwave.report.study_views import grid_view
from soundwave.report.summary import claim_summary, provenance, summarise, timings
from soundwave.report.views import lead, ledger_runs, mixture_view, stage_views
from soundwave.report.workspace import Workspace, open_workspace

TEMPLATES = Path(__file__).with_name("templates")
SUMMARY = "summary.json"
PAGE_TITLE, HEAD = "<title>Soundwave: ", 2000  # how a page begins, within so many characters
LARGEST = 15_000_000  # bytes of the page, whatever a workspace holds
ROOM = 100_000  # bytes that are kept free of sounds: what the page says of those that it leaves out
LONGEST_TEXT = 2_000  # characters of a text of others that is shown
MOST_GRIDS, MOST_ROWS = 12, 200  # on the page; the rest is counted
SECTIONS = [
    ("ablation", "What came out"),
    ("transcripts", "Listen"),
    ("mixtures", "Mixtures"),
    ("training", "Training"),
    ("data", "Data"),
    ("audits", "Audits"),
    ("alignment", "Alignment"),
    ("time", "Time"),
    ("provenance", "Provenance"),
]

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportOptions:
    """What the page takes in."""

    examples: int = 2
    """Clips of a kind (best, worst, ...) that are shown of each outcome of a grid; 0: none."""
    sound_mb: float = 8.0
    """Megabytes of the page for sounds; less where the page would grow past its limit. 0: none are heard."""


def write_report(root: Path, output: Path, options: ReportOptions = ReportOptions()) -> Path:
    """Write the page of the workspace at `root` to `output`, and summary.json beside it: both or neither.

    Raises:
        MissingFileError: no workspace there.
        OccupiedError: a file of another kind is there; it was not touched.
    """
    summary = output.with_name(SUMMARY)
    claim_summary(summary)
    claim_page(output)
    page, facts = render(open_workspace(root), options), summarise(root)
    output.parent.mkdir(parents=True, exist_ok=True)
    with switched(output.parent) as switch:
        write_text(switch.path(output.name), page)
        write_json(switch.path(SUMMARY), facts)
    return output


def claim_page(output: Path) -> None:
    """Take a file for a report.

    Raises:
        OccupiedError: a file of another kind is there; it was not touched.
    """
    claim_file(output, "a report", ours=lambda path: PAGE_TITLE in path.read_text(encoding="utf-8")[:HEAD])


def render(workspace: Workspace, options: ReportOptions = ReportOptions()) -> str:
    """The page's HTML, of LARGEST bytes at most. The same files and options give the same page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shortened,
    )
    environment.filters |= FILTERS
    template, facts = environment.get_template("report.html.j2"), context(workspace, options)
    clips: ShownClips = facts["clips"]
    sounds = sum(len(clip.url or "") for clip in clips.heard.values())
    page = template.render(facts | clips.page())
    over = len(page.encode()) + ROOM - LARGEST
    if over > 0:
        clips.make_room(max(0, sounds - over))
        page = template.render(facts | clips.page())
    if len(page.encode()) > LARGEST:
        print(f"The report has {len(page.encode()) / 1e6:.1f} MB, even without sounds.", file=sys.stderr)
    return page


def _shortened(value: Any) -> Any:
    """A text of others that is too long to be read, cut; markup of ours as it is."""
    if isinstance(value, str) and not isinstance(value, Markup) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]} … ({len(value) - LONGEST_TEXT:,} more characters)"
    return value


def context(workspace: Workspace, options: ReportOptions = ReportOptions()) -> Row:
    """What the templates show."""
    rates, grids, corpora = outcome.headline(workspace), outcome.grids(workspace), data.corpora(workspace)
    refused, steps, split_hours = data.rejects(workspace), timings(workspace), data.overview(workspace)
    curves, recipe = training.curves(workspace), dict(reversed(outcome.trained_runs(workspace)))
    trained = training.trained(workspace, [*ledger_runs(curves), *recipe.values()])
    mixtures = data.mixtures(workspace, list(reversed(recipe)))
    return {
        **_head(grids),
        "name": workspace.root.resolve().name,
        "place": str(workspace.root),
        "lead": lead(rates, corpora, outcome.stage_one_claim(workspace)),
        "rates": rates,
        "corpora": corpora[:MOST_ROWS],
        "cuts": sum(row["cuts"] for row in split_hours),
        "hours": sum(row["hours"] for row in split_hours),
        "hours_chart": charts.hours_chart(split_hours) if split_hours else None,
        "catalog": str(workspace.catalog),
        "rejects": refused[:MOST_ROWS],
        "more_rejects": len(refused) - MOST_ROWS,
        "most_rejects": max((row["items"] for row in refused), default=1),
        "mixtures": [mixture_view(row, recipe.get(row["folder"]), trained) for row in mixtures[:MOST_GRIDS]],
        "audits": data.audits(workspace),
        "aligned": data.aligned(workspace),
        "grids": [grid_view(grid, rates["ceiling"], workspace.catalog) for grid in grids[:MOST_GRIDS]],
        "more_grids": [grid.name for grid in grids[MOST_GRIDS:]],
        "clips": shown_clips(workspace, grids, each=options.examples, budget=round(options.sound_mb * 1e6)),
        "sound_mb": f"{options.sound_mb:g}",
        "largest_mb": LARGEST // 1_000_000,
        "stages": stage_views(curves, trained),
        "losses": training.stage_losses(workspace),
        "timings": steps,
        "longest": max((row["seconds"] for row in steps), default=1) or 1,
        "provenance": provenance(workspace)[: 2 * MOST_ROWS],
        "commands": {
            "verify": sources.command("catalog", "verify", "--catalog", workspace.catalog),
            "audit": sources.command("audit", "--catalog", workspace.catalog),
            "report": sources.command("report", workspace.root),
        },
    }


def _head(grids: list[outcome.GridResult]) -> Row:
    """Title, style, script and the policy that lets these two in, and nothing else."""
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "clips.js"))
    return {
        "title": grids[0].report.get("question", grids[0].name) if grids else "What this workspace holds",
        "style": Markup(style),
        "script": Markup(script),
        "policy": Markup(content_policy(style, script)),
        "version": manifests.__version__,
        "sections": SECTIONS,
    }


def content_policy(style: str, script: str) -> str:
    """The page's policy: its own style sheet and script, by their digests, sounds inside the page, and nothing else."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _duration(hours: float | None) -> str:
    if hours is None:
        return "–"
    return f"{hours:.2f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def _code(text: str) -> Any:
    """Text with `names` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


FILTERS = {
    "code": _code,
    "rate": lambda value: "–" if value is None else f"{value:.2f}",
    "number": lambda value: "–" if value is None else f"{value:.3g}",
    "loss": lambda value: "–" if not isinstance(value, int | float) else f"{value:.3f}",
    "count": lambda value: "–" if value is None else f"{value:,}",
    "clock": lambda value: "–" if value is None else clock(value),
    "megabytes": lambda value: f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB",
    "percent": _percent,
    "duration": _duration,
}
