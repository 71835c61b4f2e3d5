"""`soundwave why`: where a number comes from, and whether each link still holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soundwave.provenance import Link

MARKS = ("fingerprint", "key", "mixture_sha256", "plan")  # facts that stand for a link in the table
MORE = (
    "stage",
    "steps",
    "draws",
    "relabelled",
    "split",
    "corpus",
    "select",
    "rules",
    "rule",
    "version",
    "settings",
    "license",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    result: Annotated[
        Path,
        typer.Argument(
            metavar="RESULT",
            help="FOLDER/GRID, FOLDER/GRID/CELL or .../CELL/STAGE of `soundwave ablate`; a run, evaluation or plan.",
        ),
    ],
    *,
    cell: Annotated[str | None, typer.Option(help="Of the grid; default: all cells.")] = None,
    stage: Annotated[str | None, typer.Option(help="Of the cell; default: the last.")] = None,
    catalog: Annotated[Path | None, typer.Option(help="The catalog, if it is not where the run says.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Folder of labels, if it is not beside the catalog.")] = None,
    corpora: Annotated[Path | None, typer.Option(help="Folder of corpora, if it is not beside the catalog.")] = None,
    plans: Annotated[Path | None, typer.Option(help="Folder of plans, if they are not where the run says.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Where a number comes from: row, evaluation, run, plan and lock, rules, catalog, labels, corpora.

    Every link is looked at again: files are read to their end, keys and fingerprints are made anew. Exit 1: a link is
    broken, or missing. `unknown` is what an earlier version did not write down.

    Example: soundwave why demo/ablation/demo/real+synthetic-100%-seed7 --stage alignment
    """
    from soundwave.cli._tables import print_json
    from soundwave.provenance import DataPlaces
    from soundwave.provenance import why as find

    links = find(result, cell=cell, stage=stage, places=DataPlaces(catalog, labels, corpora, plans))
    bad = [link for link in links if link.state in ("broken", "missing")]
    if json_:
        print_json({"result": str(result), "whole": not bad, "links": [link.row() for link in links]})
    else:
        _show(links)
    if bad:
        raise typer.Exit(1)


def _show(links: "Sequence[Link]") -> None:
    """A table of links, the figures, the texts that chose the data of the first plan, and what is wrong."""
    from soundwave.cli._tables import print_rows, say

    print_rows([{"link": link.kind, "name": link.name, "state": link.state, "is": _is(link)} for link in links])
    for link in links:
        if link.kind == "row":
            figures = {name: value for name, value in link.facts.items() if isinstance(value, float)}
            say(f"{link.name}: {', '.join(f'{name} {value:.4f}' for name, value in figures.items()) or 'no figure'}")
    chosen = next((link for link in links if link.kind == "rules"), None)
    for name, text in (("select", "query"), ("rules", "rules_query")):
        if chosen is not None and chosen.facts.get(text):
            say(f"\n{chosen.facts.get(name) or 'the query'} of {chosen.name}:\n{chosen.facts[text].strip()}")
    if chosen is not None and chosen.facts.get("rule"):
        say(f"with {chosen.facts['rule']}")
    for link in links:
        for row in link.facts.get("texts", ()) if link.kind == "plan" else ():
            say(f"{link.name} trains {row['cut_id']} on {row['text']!r}, not {row.get('own')!r}")
    print()
    for state, names in (("broken", "problems"), ("missing", "missing"), ("unknown", "unknown")):
        for link in links:
            for said in getattr(link, names):
                say(f"{state}: {link.kind} {link.name}: {said}")
    counts = {state: sum(link.state == state for link in links) for state in ("whole", "unknown", "missing", "broken")}
    say(", ".join(f"{count} {state}" for state, count in counts.items() if count))


def _is(link: "Link") -> str:
    """What stands for a link in the table: a fingerprint, and what it was made with."""
    from soundwave.provenance.links import shown

    mark = next((shown(link.facts[name]) for name in MARKS if link.facts.get(name)), "")
    more = ", ".join(f"{name} {link.facts[name]}" for name in MORE if link.facts.get(name) is not None)
    return " ".join(part for part in (mark, more) if part)
