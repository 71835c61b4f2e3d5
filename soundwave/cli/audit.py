"""`soundwave audit`: what is wrong with the data, in SQL."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MOST

if TYPE_CHECKING:
    from curation.audit import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def audit(
        *,
        names: Annotated[list[str] | None, typer.Argument(help="Audits to run; all by default.")] = None,
        catalog: Annotated[Path, typer.Option(help="The catalog to audit.")] = Path("demo/catalog"),
        plans: Annotated[
            Path | None, typer.Option(help="Folder of plans; `mixtures` beside the catalog by default.")
        ] = None,
        audits: Annotated[list[Path] | None, typer.Option(help="Folder with more audits (*.sql).")] = None,
        set_: Annotated[list[str] | None, typer.Option("--set", help="A setting, e.g. min_seconds=1.")] = None,
        examples: Annotated[int, typer.Option(min=0, max=MOST, help="Worst rows to show of each.")] = 3,
        paper: Annotated[bool, typer.Option("--paper", help="Audit the paper's published tables instead.")] = False,
        seconds: SecondsOption = SECONDS,
        memory: MemoryOption = MEMORY,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Run every audit over the catalog and its plans. Exit 1 if an error-severity audit finds anything.

        Example: soundwave audit --catalog demo/catalog --plans demo/mixtures --set min_seconds=1
        """
        from curation.audit import run_audits, run_paper_audits
        from curation.storage import sibling
        from soundwave.cli._limits import limits
        from soundwave.cli._tables import print_json

        most = limits(seconds, memory)
        settings = dict(_setting(text) for text in set_ or [])
        if paper:
            findings = run_paper_audits(settings, examples, most)
        else:
            folder = plans or sibling(catalog, "mixtures")
            findings = run_audits(
                catalog,
                plans=folder,
                folders=audits or [],
                only=names or [],
                settings=settings,
                examples=examples,
                limits=most,
            )
        if json_:
            print_json([finding.row() for finding in findings])
        else:
            _show(findings)
        if any(finding.failed for finding in findings):
            raise typer.Exit(1)


def _setting(text: str) -> tuple[str, float | str]:
    from manifests.errors import SettingsError

    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--set {text}: expected NAME=VALUE.")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _show(findings: "list[Finding]") -> None:
    """A table of counts, then what each finding means, what to do, and its worst rows."""
    from manifests.shown import shown
    from soundwave.cli._tables import print_rows, say

    print_rows(
        [
            {
                "audit": finding.name,
                "severity": finding.severity if finding.rows else "ok",
                "rows": finding.rows,
                "hours": finding.hours,
            }
            for finding in findings
        ]
    )
    for finding in findings:
        if not finding.rows:
            continue
        say(f"\n{finding.name} ({finding.severity}, {finding.rows:,} rows)\n  {finding.means}\n  To do: {finding.do}")
        for row in finding.examples:
            print(f"    {shown(row.get('cut_id', row.get('subject', '')))}: {shown(row.get('found', row))}")
