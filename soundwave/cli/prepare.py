"""`soundwave prepare`: corpora in, manifests out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from soundwave.cli import _completion
from soundwave.cli._settings import MOST, MeasureDask, MeasureWorkers, QuietOption

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Recipes, or `all` for those that fetch their corpus themselves.",
        autocompletion=_completion.recipes,
    ),
]


CountOption = Annotated[
    int | None,
    typer.Option(
        help="Sentences that a synthesiser speaks, in corpora that are made so (heart, flite).", min=1, max=MOST
    ),
]


PartOption = Annotated[list[str] | None, typer.Option(help="Fetch this part of the corpus alone. Repeatable.")]


BesideOption = Annotated[
    bool, typer.Option(help="Splits by hash go with linked rows of the corpora beside, in the folder --output.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def prepare(
        names: NamesArgument = None,
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
        beside: BesideOption = True,
        follow_links: Annotated[
            bool, typer.Option("--follow-links", help="Read files outside the source to which links in it lead.")
        ] = False,
        workers: MeasureWorkers = None,
        dask: MeasureDask = None,
        fetch: Annotated[
            bool, typer.Option("--fetch", help="Download first what anybody may, into --source or the cache; resumes.")
        ] = False,
        part: PartOption = None,
        count: CountOption = None,
        list_: Annotated[
            bool, typer.Option("--list", help="List the recipes and stop; with NAMES: all that is known of these.")
        ] = False,
        quiet: QuietOption = False,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Turn corpora into manifests: cuts, text-only rows, rejects with reasons.

        Example: `soundwave prepare asterisk fillets`
        """
        from recipes import registry
        from soundwave.cli._recipes import show_corpora, show_recipes

        if list_:
            show_recipes(registry.describe(), names or [], as_json=json_)
            return
        wanted = _wanted(names, source, part, fetch=fetch)
        options = {"source": source, "force": force, "channels": channels, "follow_links": follow_links}
        how: dict[str, Any] = {
            "decode": decode,
            "workers": workers,
            "dask": dask,
            "parts": part or () if fetch else None,
        }
        show_corpora(_prepare_all(wanted, output, options | {"beside": beside, "count": count}, **how), as_json=json_)


def _wanted(names: list[str] | None, source: Path | None, part: list[str] | None, *, fetch: bool) -> list[str]:
    """The recipes to run.

    Raises:
        SettingsError: none, an unknown one, or options that are not for so many.
    """
    from manifests.errors import SettingsError
    from recipes import registry

    if not names:
        raise SettingsError(f"Name a recipe, or `all`. Known recipes: {', '.join(registry.names())}.")
    wanted = [name for given in names for name in (registry.bundled() if given == "all" else [given])]
    if source is not None and any(not registry.find(name).packages for name in wanted) and len(wanted) > 1:
        raise SettingsError("--source names one corpus's folder: with it, prepare one recipe at a time.")
    if (source is not None or part) and len(wanted) > 1 and fetch:
        raise SettingsError("--fetch with --source or --part is for one recipe at a time.")
    if part and not fetch:
        raise SettingsError("--part says what --fetch fetches; without --fetch the folder --source tells.")
    return list(dict.fromkeys(wanted))


def _prepare_all(
    names: list[str],
    output: Path,
    options: dict[str, Any],
    *,
    decode: bool,
    workers: int | None,
    dask: str | None,
    parts: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """A row a corpus. parts: what to fetch first; (): all that anybody may; None: nothing."""
    from curation.passes.measure import measuring
    from manifests.audio import need_channels, probing
    from recipes import registry

    if options["channels"] is not None:
        options["channels"] = need_channels(options["channels"])
    rows = []
    with measuring(workers, dask) as measurer:
        for name in names:
            found = None if parts is None else registry.fetch_source(name, options["source"], parts=parts)
            own = options if found is None else options | {"source": found}
            with probing(decode=decode, measurer=measurer) as cost:
                row = _prepare(name, output, own)
            rows.append(row | {"lengths": cost.row()})
    return rows


def _prepare(name: str, output: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Prepare one corpus; a row of the closing table."""
    from curation.text.readings import number_readings
    from recipes import registry
    from recipes.expected import compare

    info = registry.prepare(name, output, readings=number_readings, **options)
    return {
        "corpus": info.name,
        "cuts": info.cuts,
        "hours": round(info.hours, 4),
        "texts": info.texts,
        "rejects": info.rejects,
        "reasons": registry.rejects_by_reason(output / info.name),
        "parts": compare(registry.find(name), info),
        "folder": str(output / info.name),
    }
