"""`soundwave explore`: look and listen in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soundwave.cli._limits import MemoryOption, SecondsOption

PORT = 8017
SECONDS = 60.0
MEMORY = "2GB"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explore)


def explore(
    place: Annotated[Path, typer.Argument(metavar="CATALOG|WORKSPACE", help="What to look at.")] = Path("demo"),
    *,
    catalog: Annotated[
        Path | None, typer.Option(help="The catalog; that of the workspace by default.", show_default=False)
    ] = None,
    mixture: Annotated[list[Path] | None, typer.Option(help="A mixture's YAML file to open; may be repeated.")] = None,
    host: Annotated[str, typer.Option(help="The address to serve at; anything else lets other machines in.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = PORT,
    name: Annotated[
        list[str] | None, typer.Option(help="A name of this machine that other machines call it by; may be repeated.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in the browser as well.")] = False,
    seconds: SecondsOption = SECONDS,
    memory: MemoryOption = MEMORY,
) -> None:
    """Look at a catalog, its plans, runs and studies, and listen to its cuts, on a page in the browser.

    It prints the page's address, which has a token: only who has it gets in. Marks go to reviews/reviews.parquet
    beside the catalog, the table `reviews` in SQL. Nothing else is written but mixtures that you save.

    Example: soundwave explore demo
    """
    import secrets
    import sys
    import webbrowser

    from manifests.files import need_file
    from soundwave.cli._limits import limits
    from soundwave.explore.asking import Explorer
    from soundwave.explore.places import find_explored
    from soundwave.explore.server import listen, serve

    files = tuple(need_file(path, what="mixture").absolute() for path in mixture or [])
    places = find_explored(place, catalog=catalog, mixtures=files)
    explorer = Explorer(places, limits(seconds, memory))
    bound, token = listen(host, port), secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{bound.getsockname()[1]}/?token={token}"
    print(f"{places.catalog} is at\n  {address}\nCtrl-C ends it", flush=True)
    if browser and not webbrowser.open(address):
        print("note: no browser could be opened", file=sys.stderr)
    try:
        serve(explorer, bound, token, (host, *(name or [])))
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()
        explorer.close()
