"""Plan A against plan B: hours by corpus, language, speaker and label, cuts added and removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from curation.catalog import connect
from curation.duck import Limits, limited, quoted, reading_parquet, records
from manifests.files import need_file
from manifests.plans import LOCK, PLAN, PLAN_AGAIN, read_whole
from manifests.units import Hours


@dataclass(frozen=True)
class Change:
    """One value of one dimension: what A draws of it and what B draws."""

    dimension: str  # all | domain | corpus | language | label | speaker
    name: str
    hours_a: Hours  # repeats counted
    hours_b: Hours
    change: Hours
    added: int  # cuts only in B
    removed: int  # cuts only in A


def diff_plans(plan_a: Path, plan_b: Path, catalog: Path, *, limits: Limits | None = None) -> list[Change]:
    """Every value of every dimension, the largest first; equal plans give rows whose `change` is 0.

    Raises:
        MissingFileError: no such plan or catalog.
        QueryError: it takes more than `limits`.
    """
    limits = limits or Limits()
    files = {name: need_file(folder / PLAN, what="plan") for name, folder in (("plan_a", plan_a), ("plan_b", plan_b))}
    for folder in (plan_a, plan_b):
        if (folder / LOCK).is_file():
            read_whole(folder)
    with (
        reading_parquet(list(files.values()), go_on=PLAN_AGAIN),
        connect(catalog, read_only=False, limits=limits) as con,
    ):
        for name, path in files.items():
            con.execute(f"CREATE VIEW {name} AS SELECT cut_id, domain, seconds FROM read_parquet({quoted(path)})")
        with limited(con, limits, where=f"{plan_a} against {plan_b}"):
            rows = records(con.execute(Path(__file__).with_name("diff.sql").read_text(encoding="utf-8")))
    return [Change(**row) for row in rows]
