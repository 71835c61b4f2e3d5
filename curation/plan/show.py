"""A plan as rows and as a picture: shares by window, and how often rows are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curation.duck import open_memory, quoted, reading_parquet, records
from manifests.errors import SettingsError
from manifests.files import atomic_write
from manifests.plans import PLAN, PLAN_AGAIN, read_lock, read_whole

SHARES = """
WITH found AS (
  SELECT step // {window} AS "window", domain, sum(units) AS units, count(*) AS draws
  FROM read_parquet({plan})
  GROUP BY ALL
)
SELECT "window", domain, units, units / sum(units) OVER (PARTITION BY "window") AS share, draws
FROM found
ORDER BY "window", domain
"""
USES = """
SELECT domain, uses, count(*) AS cuts
FROM (SELECT domain, cut_id, count(*) AS uses FROM read_parquet({plan}) GROUP BY ALL)
GROUP BY ALL
ORDER BY ALL
"""


def shares_by_window(plan_dir: Path) -> list[dict[str, Any]]:
    """One row per window of steps and domain: window, domain, units, share (realised), draws.

    Raises:
        MissingFileError: no plan there.
    """
    return _ask(plan_dir, SHARES)


def uses(plan_dir: Path) -> list[dict[str, Any]]:
    """One row per domain and number of uses: how many cuts are used that often."""
    return _ask(plan_dir, USES)


def draw(plan_dir: Path, target: Path) -> None:
    """Write the picture: realised shares by window against the planned ones, and cuts by number of uses.

    Raises:
        SettingsError: the suffix is not .svg, .png, .html or .json.
    """
    _save(chart(plan_dir), target)


def draw_funnel(rows: list[dict[str, Any]], target: Path) -> None:
    """Write the picture of a funnel (see `curation.plan.funnel`): hours left after each step, by corpus.

    Raises:
        SettingsError: as `draw`.
    """
    import altair as alt

    steps = list(dict.fromkeys(row["step"] for row in rows))
    bars = alt.Chart(alt.Data(values=rows)).mark_bar()
    _save(
        bars.encode(
            x=alt.X("sum(hours):Q", title="hours left"),
            y=alt.Y("step:N", sort=steps, title="after"),
            color=alt.Color("corpus:N", title="corpus"),
        ).properties(width=420),
        target,
    )


def _save(picture: Any, target: Path) -> None:
    if target.suffix not in (".svg", ".png", ".html", ".json"):
        raise SettingsError(f"{target}: expected a name ending in .svg, .png, .html or .json.")
    with atomic_write(target) as temporary:
        picture.save(str(temporary))


def chart(plan_dir: Path) -> Any:
    """The picture as an Altair chart."""
    import altair as alt

    lock = read_lock(plan_dir)
    asked = [{"domain": name, "share": domain.share} for name, domain in lock.domains.items()]
    shares = alt.Data(values=shares_by_window(plan_dir))
    color = alt.Color("domain:N", title="domain")
    lines = (
        alt.Chart(shares)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("window:Q", title=f"window of {lock.window} steps"),
            y=alt.Y("share:Q", title=f"share of {lock.unit}", axis=alt.Axis(format="%")),
            color=color,
        )
    )
    rules = alt.Chart(alt.Data(values=asked)).mark_rule(strokeDash=[4, 3]).encode(y="share:Q", color=color)
    bars = (
        alt.Chart(alt.Data(values=uses(plan_dir)))
        .mark_bar()
        .encode(x=alt.X("uses:O", title="uses in the plan"), y=alt.Y("cuts:Q", title="cuts"), color=color)
    )
    title = f"{lock.name}: realised shares (lines) against planned (dashed)"
    return (lines + rules).properties(title=title, width=420, height=220) | bars.properties(width=180, height=220)


def _ask(plan_dir: Path, sql: str) -> list[dict[str, Any]]:
    lock, plan = read_whole(plan_dir), plan_dir / PLAN
    with reading_parquet([plan], go_on=PLAN_AGAIN), open_memory() as con:
        return records(con.execute(sql.format(window=lock.window, plan=quoted(plan))))
