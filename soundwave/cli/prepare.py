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
        fetch: Annotated[
            bool, typer.Option("--fetch", help="Download first what anybody may, into --source or the cache; resumes.")
        ] = False,
        part: Annotated[list[str] | None, typer.Option(help="Fetch this part of the corpus alone. Repeatable.")] = None,
        list_: Annotated[
            bool, typer.Option("--list", help="List the recipes and stop; with NAMES: all that is known of these.")
        ] = False,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Turn corpora into manifests: cuts, text-only rows, rejects with reasons.

        Example: `soundwave prepare asterisk fillets`
        """
        from curation.passes.measure import measuring
        from manifests.audio import need_channels
        from manifests.errors import SettingsError
        from recipes import registry
        from soundwave.cli._recipes import show_corpora, show_recipes

        if list_:
            show_recipes(registry.describe(), names or [], as_json=json_)
            return
        if not names:
            raise SettingsError(f"Name a recipe, or `all`. Known recipes: {', '.join(registry.names())}.")
        wanted = [name for given in names for name in (registry.bundled() if given == "all" else [given])]
        if source is not None and any(not registry.find(name).packages for name in wanted) and len(wanted) > 1:
            raise SettingsError("--source names one corpus's folder: with it, prepare one recipe at a time.")
        if (source is not None or part) and len(wanted) > 1 and fetch:
            raise SettingsError("--fetch with --source or --part is for one recipe at a time.")
        if part and not fetch:
            raise SettingsError("--part says what --fetch fetches; without --fetch the folder --source tells.")
        how = None if channels is None else need_channels(channels)
        options = {"source": source, "force": force, "channels": how, "follow_links": follow_links, "beside": beside}
        rows: list[dict[str, Any]] = []
        with measuring(workers, dask) as measurer:
            how_measured = {"decode": decode, "measurer": measurer}
            for name in dict.fromkeys(wanted):
                if fetch:
                    options["source"] = registry.fetch_source(name, source, parts=part or ())
                rows.append(_prepare(name, output, options, how_measured))
        show_corpora(rows, as_json=json_)


def _prepare(name: str, output: Path, options: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
    """Prepare one corpus; a row of the closing table."""
    from curation.text.readings import number_readings
    from manifests.audio import probing
    from recipes import registry
    from recipes.expected import compare

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
        "parts": compare(registry.find(name), info),
        "folder": str(output / info.name),
    }
