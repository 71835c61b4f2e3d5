"""`soundwave audit`: what is wrong with the data, in SQL."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundwave.cli import _completion
from soundwave.cli._limits import MEMORY, SECONDS, MemoryOption, SecondsOption
from soundwave.cli._settings import MOST
from soundwave.cli._workspaces import CatalogOption, RunsOption, WorkspaceOption, asked

if TYPE_CHECKING:
    from curation.audit import Finding
    from curation.duck import Limits


NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Audits to run; all by default.", autocompletion=_completion.audits)
]
FunnelOption = Annotated[
    str | None,
    typer.Option(
        metavar="MIXTURE",
        autocompletion=_completion.mixtures,
        help="Hours left after each rule of a mixture, by corpus.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def audit(
        *,
        names: NamesArgument = None,
        catalog: CatalogOption = None,
        plans: Annotated[
            Path | None, typer.Option(help="Folder of plans; `mixtures` beside the catalog by default.")
        ] = None,
        runs: RunsOption = None,
        workspace: WorkspaceOption = None,
        audits: Annotated[list[Path] | None, typer.Option(help="Folder with more audits (*.sql).")] = None,
        set_: Annotated[list[str] | None, typer.Option("--set", help="A setting, e.g. min_seconds=1.")] = None,
        examples: Annotated[int, typer.Option(min=0, max=MOST, help="Worst rows to show of each.")] = 3,
        explain: Annotated[
            str | None, typer.Option(metavar="CUT", help="What each pass, rule, audit and label says of one cut.")
        ] = None,
        funnel: FunnelOption = None,
        rules: Annotated[
            Path | None, typer.Option(help="SQL file of rules for --explain; the paper's by default.")
        ] = None,
        picture: Annotated[Path | None, typer.Option(help="Draw the hours of --funnel (.svg, .png or .html).")] = None,
        force: Annotated[bool, typer.Option("--force", help="Replace the file that --picture names.")] = False,
        paper: Annotated[bool, typer.Option("--paper", help="Audit the paper's published tables instead.")] = False,
        seconds: SecondsOption = SECONDS,
        memory: MemoryOption = MEMORY,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Run every audit over the catalog and its plans. Exit 1 if an error-severity audit finds anything.

        Example: soundwave audit --catalog demo/catalog --plans demo/mixtures --set min_seconds=1
        """
        from manifests.errors import SettingsError
        from soundwave.cli._limits import limits
        from soundwave.cli._tables import print_json, print_rows

        most = limits(seconds, memory)
        place, folders_of_runs, studies = asked(workspace, runs, catalog)
        if place is None:
            raise SettingsError("An audit needs a catalog, and the workspace has none. Name it with --catalog.")
        settings = dict(_setting(text) for text in set_ or [])
        folders = audits or []
        if explain is None and funnel is None:
            options: dict[str, Any] = {"plans": plans, "folders": folders, "only": names or [], "paper": paper}
            options |= {"runs": folders_of_runs, "studies": studies}
            _audit(place, settings, examples, most, options, as_json=json_)
            return
        if explain is not None and funnel is not None:
            raise SettingsError("--explain is about a cut, --funnel about a mixture. Give one of the two.")
        rows = (
            _explained(explain, place, rules, settings, plans, folders, most)
            if explain is not None
            else _funnel(str(funnel), place, settings, picture, force=force, limits=most)
        )
        print_json(rows) if json_ else print_rows([row for row in rows if row.get("lost_hours") != 0])


def _audit(
    catalog: Path,
    settings: dict[str, float | str],
    examples: int,
    limits: "Limits",
    options: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run audits and print what they find."""
    from curation.audit import run_audits, run_paper_audits
    from curation.storage import sibling
    from soundwave.cli._tables import print_json

    if options.pop("paper"):
        findings = run_paper_audits(settings, examples, limits)
    else:
        options["plans"] = options["plans"] or sibling(catalog, "mixtures")
        findings = run_audits(catalog, settings=settings, examples=examples, limits=limits, **options)
    print_json([finding.row() for finding in findings]) if as_json else _show(findings)
    if any(finding.failed for finding in findings):
        raise typer.Exit(1)


def _explained(  # noqa: PLR0917 - what the command was given
    cut_id: str,
    catalog: Path,
    path: Path | None,
    settings: dict[str, float | str],
    plans: Path | None,
    folders: list[Path],
    limits: "Limits",
) -> list[dict[str, Any]]:
    from curation.audit import find_audits
    from curation.audit.explain import explain_cut
    from curation.duck.headers import need_known
    from curation.rules import PAPER, read_rules, rules_text
    from curation.storage import sibling

    path = path or PAPER
    rules = read_rules(rules_text(path), str(path), {})
    known = [*rules.settings, *(name for audit in find_audits(folders) for name in audit.settings)]
    need_known(settings, known, what="Neither rules nor audits have")
    return explain_cut(
        catalog,
        cut_id,
        rules,
        settings=settings,
        plans=plans or sibling(catalog, "mixtures"),
        folders=folders,
        limits=limits,
    )


def _funnel(
    name: str,
    catalog: Path,
    settings: dict[str, float | str],
    picture: Path | None,
    *,
    force: bool,
    limits: "Limits",
) -> list[dict[str, Any]]:
    """Rows of a mixture's funnel; settings are those of its rules."""
    from curation.plan import funnel, load_mixture
    from curation.plan.show import draw_funnel
    from manifests.files import new_file
    from manifests.settings import Override

    given = [Override(f"rule.{key}", value, f"--set {key}") for key, value in settings.items()]
    target = None if picture is None else new_file(picture, force=force)
    rows = funnel(load_mixture(name, given), catalog, limits=limits)
    if target is not None:
        draw_funnel(rows, target)
    return rows


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
