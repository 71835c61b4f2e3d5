"""`soundwave catalog`: corpora and labels as Parquet."""

from pathlib import Path
from typing import Annotated

import typer

CATALOG = Path("demo/catalog")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Corpora and labels as Parquet, for SQL.", no_args_is_help=True)
    app.add_typer(commands, name="catalog")

    @commands.command()
    def build(
        corpora: Annotated[Path, typer.Option(help="Folder of prepared corpora.")] = Path("demo/corpora"),
        labels: Annotated[Path, typer.Option(help="Folder of labelling passes.")] = Path("demo/labels"),
        catalog: Annotated[Path, typer.Option(help="The catalog to write.")] = CATALOG,
        json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    ) -> None:
        """Mirror prepared corpora and finished labelling passes as Parquet; only what changed is written.

        Example: soundwave catalog build --corpora demo/corpora --labels demo/labels --catalog demo/catalog
        """
        from curation.catalog import build as build_catalog
        from soundwave.cli._tables import print_json, print_rows

        summary = build_catalog(corpora, labels, catalog)
        facts = {"fingerprint": summary.fingerprint, "parts_written": summary.written, "parts_reused": summary.reused}
        if json_:
            print_json({"catalog": str(catalog), **facts, "corpora": summary.corpora()})
            return
        print_rows(summary.corpora(), title=f"{catalog}  ({summary.hours:.3f} h of audio)")
        print(f"{summary.written} parts written, {summary.reused} unchanged; fingerprint {summary.fingerprint[:12]}")

    @commands.command()
    def export(
        output: Annotated[Path, typer.Argument(help="JSONL file to write, .jsonl or .jsonl.gz.")],
        catalog: Annotated[Path, typer.Option(help="The catalog to read.")] = CATALOG,
        where: Annotated[str, typer.Option(help="Which cuts, as a SQL condition.")] = "true",
    ) -> None:
        """Write cuts back as Lhotse JSONL, byte for byte as they came in.

        Example: soundwave catalog export train.jsonl.gz --where "split = 'train' AND task = 'asr'"
        """
        from curation.catalog_export import export_jsonl

        print(f"{export_jsonl(catalog, output, where=where):,} rows to {output}")
