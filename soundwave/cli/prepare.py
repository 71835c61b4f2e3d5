"""`soundwave prepare`: corpora in, manifests out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli._settings import MeasureDask, MeasureWorkers


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def prepare(
        names: Annotated[
            list[str] | None, typer.Argument(help="Recipes, or `all` for those that fetch their corpus themselves.")
        ] = None,
        *,
        output: Annotated[Path, typer.Option(help="Folder of the corpora; each gets a folder in it.")] = Path(
            "demo/corpora"
        ),
        source: Annotated[
            Path | None,
            typer.Option(help="The corpus's folder, or the unpacked packages' root, instead of a download."),
        ] = None,
        decode: Annotated[
            bool, typer.Option("--decode", help="Decode every file whole, also where bytes say how long it is.")
        ] = False,
        force: Annotated[bool, typer.Option("--force", help="Prepare again what is complete and unchanged.")] = False,
        channels: Annotated[
            str | None,
            typer.Option(help="Of recordings whose channels differ: mix, first or reject. Default: the recipe's."),
        ] = None,
        beside: Annotated[
            bool, typer.Option(help="Splits by hash go with linked rows of the corpora beside, in the folder --output.")
        ] = True,
        follow_links: Annotated[
            bool, typer.Option("--follow-links", help="Read files outside the source to which links in it lead.")
        ] = False,
        workers: MeasureWorkers = None,
        dask: MeasureDask = None,
        list_: Annotated[bool, typer.Option("--list", help="List the recipes and stop.")] = False,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Turn corpora into manifests: cuts, text-only rows, rejects with reasons.

        Example: `soundwave prepare asterisk fillets`
        """
        from curation.passes.measure import measuring
        from manifests.audio import need_channels
        from manifests.errors import SettingsError
        from recipes import registry

        if list_:
            _show_recipes(registry.describe(), as_json=json_)
            return
        if not names:
            raise SettingsError(f"Name a recipe, or `all`. Known recipes: {', '.join(registry.names())}.")
        wanted = [name for given in names for name in (registry.bundled() if given == "all" else [given])]
        if source is not None and any(not registry.find(name).packages for name in wanted) and len(wanted) > 1:
            raise SettingsError("--source names one corpus's folder: with it, prepare one recipe at a time.")
        how = None if channels is None else need_channels(channels)
        options = {"source": source, "force": force, "channels": how, "follow_links": follow_links, "beside": beside}
        with measuring(workers, dask) as measurer:
            how_measured = {"decode": decode, "measurer": measurer}
            rows = [_prepare(name, output, options, how_measured) for name in dict.fromkeys(wanted)]
        _show_corpora(rows, as_json=json_)


def _prepare(name: str, output: Path, options: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
    """Prepare one corpus; a row of the closing table."""
    from curation.text.readings import number_readings
    from manifests.audio import probing
    from recipes import registry

    with probing(**how) as cost:
        info = registry.prepare(name, output, readings=number_readings, **options)
    return {
        "corpus": info.name,
        "cuts": info.cuts,
        "hours": round(info.hours, 4),
        "texts": info.texts,
        "rejects": info.rejects,
        "reasons": registry.rejects_by_reason(output / info.name),
        "lengths": cost.row(),
        "folder": str(output / info.name),
    }


def _show_recipes(recipes: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(recipes)
        return
    from rich.table import Table

    from manifests.shown import DataConsole

    table = Table("recipe", "task", "licence", "what it is", "source", box=None, pad_edge=False)
    for row in recipes:
        table.add_row(row["name"], row["task"], row["license"], row["title"], row["source"])
    DataConsole().print(table)


def _show_corpora(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        _print_json(rows)
        return
    from rich.table import Table

    from manifests.shown import DataConsole

    table = Table(box=None, pad_edge=False)
    for heading in ("corpus", "cuts", "hours", "texts", "rejects", "why"):
        table.add_column(heading, justify="left" if heading in ("corpus", "why") else "right")
    for row in rows:
        why = ", ".join(f"{count} {reason}" for reason, count in row["reasons"].items())
        numbers = (str(row["cuts"]), f"{row['hours']:.3f}", str(row["texts"]), str(row["rejects"]))
        table.add_row(row["corpus"], *numbers, why)
    DataConsole().print(table)
    for row in rows:
        if row["lengths"]["files"]:
            print(f"{row['corpus']}: {row['lengths']['text']}")


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
