"""The paper's three mixtures, planned at the published size from a generated catalog.

    python -m benchmarks.paper_mixtures --json            # --scale 0.01: a hundredth of it
    python -m benchmarks.paper_mixtures --table           # planned, realised and published shares, as in docs/

The mixtures are the bundled ones (`paper/alignment`, ...), with their queries and rules, through `soundwave mix plan`'s
own function. Of each dataset the catalog has as many cuts and hours as the paper's tables say, in lengths of 20 % to
either side of their mean. Two come from their makers' own figures, for the paper's cannot be planned: LibriTTS (that
the sounds are put into), and Europarl-ASR, whose published mean of 2.10 s is below the paper's own floor of 3 s: as
many subtitles as published are 3.0 to 4.5 s long, shorter ones make up the rest of the corpus's 1,245 h.

Rows (ours: in points of a share; target 0.1):
    alignment_points, sft_points    the largest difference of a realised share of hours to the published table
    shrinking_points_t1, _t6        the same of samples in the whole windows of each epoch, to the printed percentages
    *_plan_seconds                  query, rules, plan and lock
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.catalog import tell
from benchmarks.rows import Row, row, show
from curation.plan import make_plan
from curation.plan.mixture import load_mixture
from manifests.plans import Lock
from recipes import registry

SPREAD = 0.2  # of lengths, to either side of their mean
EUROPARL_HOURS = 1263.0 - 17.5  # of its train part, says its README
SHORTEST = 3.0  # seconds: the paper's floor
CUTS = """
SELECT
  '{corpus}-{task}-{kind}' || i AS cut_id, '{corpus}-{kind}' || i AS recording_id, '{corpus}' AS corpus,
  'train' AS split, '{task}' AS domain, '{task}' AS task, 0.0::DOUBLE AS start,
  {mean} * ({low} + {width} * ((i * 7919) % {count} + 0.5) / {count}) AS duration,
  'en' AS language, {language} AS target_language, '{corpus}-' || (i % 999) AS speaker,
  {text} AS text, {target} AS target_text, {sound} AS sound, NULL::VARCHAR AS sound_original, 16000 AS sampling_rate,
  1 AS channels, '0' AS channel, '/data/' || i || '.flac' AS source_path, 'NOASSERTION' AS license,
  md5('{corpus}{task}{kind}' || i) AS audio_sha256, NULL::VARCHAR AS decoding, '{{}}' AS manifest
FROM range({count}) t(i)
"""


@dataclass(frozen=True)
class Dataset:
    """Some cuts of the generated catalog: one line of the paper's tables, or a part of one."""

    corpus: str
    task: str
    samples: int
    hours: float = 0.0  # 0: text alone
    kind: str = ""  # tells parts of one corpus apart

    def sql(self, scale: float) -> str:
        """The rows."""
        count = max(1, round(self.samples * scale))
        spoken, translated = self.task != "sound", self.task not in ("asr", "sound")
        query = CUTS.format(
            corpus=self.corpus,
            task=self.task,
            kind=self.kind,
            count=count,
            mean=self.hours * 3600 / self.samples,
            low=1 - SPREAD,
            width=2 * SPREAD,
            language=("'de'" if self.task == "st" else "'en'") if translated else "NULL::VARCHAR",
            text="'the words of row number ' || i" if spoken else "NULL::VARCHAR",
            target="'the answer'" if translated else "NULL::VARCHAR",
            sound="['Cough']" if self.task == "sound" else "NULL::VARCHAR[]",
        )
        return (
            query
            if self.hours
            else query.replace(f"'{self.corpus}-{self.kind}' || i AS recording_id", "NULL AS recording_id")
        )


def _asr() -> list[Dataset]:
    above = 718_663 * SHORTEST / (1 - SPREAD) / 3600
    below = EUROPARL_HOURS - above
    return [
        Dataset("mls", "asr", 984_559, 4081.61),
        Dataset("gigaspeech", "asr", 713_394, 805.11),
        Dataset("europarl_asr", "asr", 718_663, above, "long-"),
        Dataset("europarl_asr", "asr", round(below * 3600 / 1.4), below, "short-"),
        Dataset("librispeech", "asr", 281_241, 961.05),
        Dataset("textrolspeech", "asr", 170_502, 246.85),
        Dataset("tedlium", "asr", 143_641, 244.02),
    ]


def datasets(stage: str) -> list[Dataset]:
    """What the catalog of a stage holds."""
    if stage == "alignment":
        libritts = [part for name, part in registry.find("libritts").expected.items() if name.startswith("train")]
        speech = Dataset("libritts", "asr", sum(part.items for part in libritts), sum(part.hours for part in libritts))
        # VocalSound's clips are 4.18 s long, as the paper's stage III counts them; TUT2017's 10 s.
        vocal = registry.find("vocalsound").expected["train"].items
        places = registry.find("tut2017").expected["development"]
        sounds = [Dataset("vocalsound", "sound", vocal, vocal * 4.18 / 3600)]
        return [*_asr(), *sounds, Dataset("tut2017", "sound", places.items, places.hours), speech]
    if stage == "shrinking":
        return [
            *_asr(),
            Dataset("covost2", "st", 232_953, 364.89),
            Dataset("mustc", "st", 226_810, 395.10),
            Dataset("tut2017", "sound", 4_937, 4_937 * 10 / 3600),
            Dataset("vocalsound", "sound", 19_737, 19_737 * 4.18 / 3600),
            Dataset("text_qa", "qa", 78_000),
        ]
    return [
        Dataset("librispeech", "asr", 281_241, 961.05),
        Dataset("covost2", "st", 232_953, 364.89),
        Dataset("mustc", "st", 226_810, 395.10),
        Dataset("librispeech_grounding", "grounding", 23_828, 51.36),
        Dataset("common_voice_language", "language", 269_485, 293.15),
        Dataset("textrolspeech", "gender", 319_986, 466.09),
        Dataset("meld", "emotion", 258_541, 347.18),
        Dataset("common_voice_age", "age", 77_239, 120.04),
        Dataset("slurp", "entity", 114_792, 91.62),
        Dataset("slurp", "intent", 212_473, 151.52),
        Dataset("voxceleb", "speakers", 156_033, 435.17),
        Dataset("fake_or_real", "synthetic", 53_696, 47.55),
        Dataset("vocalsound", "sound", 29_962, 34.77),
        Dataset("cochlscene", "sound", 159_590, 443.31),
        Dataset("fisher", "chat", 132_209, 956.25),
        Dataset("anyinstruct", "instruction", 106_770, 206.30),
    ]


PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "alignment": {  # hours, Table 9
        "mls": 4081.61,
        "gigaspeech": 805.11,
        "europarl_asr": 418.42,
        "librispeech": 961.05,
        "textrolspeech": 246.85,
        "tedlium": 244.02,
        "vocalsound_libritts": 82.42,
        "tut2017_libritts": 18.48,
    },
    "shrinking 1": {"qa": 2.2, "asr": 84.3, "st": 12.9, "sound": 0.70},  # per cent of samples, T = 1
    "shrinking 2": {"qa": 20.0, "asr": 36.7, "st": 26.8, "sound": 16.5},  # T = 6
    "sft": {  # hours, Table 12
        "asr": 961.05,
        "st": 753.18,
        "grounding": 51.36,
        "language": 293.15,
        "gender": 466.09,
        "emotion": 347.18,
        "age": 120.04,
        "entity": 91.62,
        "intent": 151.52,
        "speakers": 435.17,
        "synthetic": 47.55,
        "sound/vocal": 34.77,
        "sound/scene": 443.31,
        "chat": 956.25,
        "instruction": 206.30,
    },
}
STAGES = ("alignment", "shrinking", "sft")


@dataclass(frozen=True)
class Share:
    """One domain of a stage, or of an epoch of it; shares are fractions."""

    stage: str
    domain: str
    planned: float
    realised: float
    published: float

    @property
    def points(self) -> float:
        """Between what the plan draws and what was published."""
        return 100 * abs(self.realised - self.published)


def generate(catalog: Path, stage: str, scale: float) -> None:
    """Write the catalog of a stage."""
    con = duckdb.connect()
    for number, dataset in enumerate(datasets(stage)):
        target = catalog / "cuts" / dataset.corpus / f"part-{number}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        con.execute(f"COPY ({dataset.sql(scale)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def plan(folder: Path, stage: str, scale: float) -> tuple[list[Share], float]:
    """The shares of a stage's plan, and the seconds that planning took."""
    loaded = load_mixture(f"paper/{stage}")
    fewer = {"batch": {"seconds": loaded.batch.seconds * scale}}
    if loaded.budget is not None:
        fewer["budget"] = loaded.budget * scale
    mixture = load_mixture(f"paper/{stage}", fewer)
    start = time.perf_counter()
    lock = make_plan(mixture, folder / "catalog", folder / "plan")
    return _shares(folder / "plan", stage, lock), time.perf_counter() - start


def _shares(folder: Path, stage: str, lock: Lock) -> list[Share]:
    if stage != "shrinking":
        tables = {stage: ({name: found.realised_share for name, found in lock.domains.items()}, _planned(lock))}
    else:
        drawn = _by_epoch(folder, lock)
        tables = {
            f"{stage} {number + 1}": (drawn[number], dict(phase["shares"]))
            for number, phase in enumerate(lock.schedule)
        }
    found = []
    for name, (realised, planned) in tables.items():
        published, total = PUBLISHED[name], sum(PUBLISHED[name].values())
        for domain, amount in published.items():
            sums = (_under(shares, domain) for shares in (planned, realised))
            found.append(Share(name, domain, *sums, amount / total))
    return found


def _planned(lock: Lock) -> dict[str, float]:
    return {name: found.share for name, found in lock.domains.items()}


def _under(shares: Mapping[str, float], domain: str) -> float:
    """The share of a domain with all that are nested in it."""
    return sum(share for name, share in shares.items() if name == domain or name.startswith(f"{domain}/"))


def _by_epoch(folder: Path, lock: Lock) -> list[dict[str, float]]:
    """Shares of samples in each epoch's windows, without the window in which the next epoch begins."""
    con = duckdb.connect()
    con.execute(f"CREATE VIEW draws AS SELECT step, domain FROM read_parquet('{folder / 'plan.parquet'}')")
    per_window = con.execute(
        f"SELECT step // {lock.window} AS number, count(*) FROM draws GROUP BY 1 ORDER BY 1"
    ).fetchall()
    half, seen, middle = lock.draws / len(lock.schedule), 0, 0
    for number, count in per_window:
        if seen + count > half:
            middle = number
            break
        seen += count
    epochs = []
    for sides in (f"< {middle}", f"> {middle}"):
        counts = con.execute(
            f"SELECT domain, count(*) FROM draws WHERE step // {lock.window} {sides} GROUP BY 1"
        ).fetchall()
        total = sum(count for _, count in counts)
        epochs.append({name: count / total for name, count in counts})
    return epochs


def table(shares: list[Share]) -> str:
    """As Markdown, in per cent."""
    lines = ["| stage | domain | planned % | realised % | published % | points |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {one.stage} | {one.domain} | {100 * one.planned:.3f} | {100 * one.realised:.3f} "
        f"| {100 * one.published:.3f} | {one.points:.3f} |"
        for one in shares
    ]
    return "\n".join(lines)


def measure(scale: float) -> tuple[list[Row], list[Share]]:
    """All rows, and the shares behind them."""
    rows, shares = [], []
    for stage in STAGES:
        with tempfile.TemporaryDirectory() as scratch:
            generate(Path(scratch) / "catalog", stage, scale)
            tell(f"{stage}: catalog of {sum(one.samples for one in datasets(stage)) * scale:,.0f} rows")
            found, seconds = plan(Path(scratch), stage, scale)
        for name in dict.fromkeys(one.stage for one in found):
            worst = max(one.points for one in found if one.stage == name)
            label = name.replace(" 1", "_points_t1").replace(" 2", "_points_t6")
            rows.append(row(label if label != name else f"{name}_points", worst, None, "points"))
        rows.append(row(f"{stage}_plan_seconds", seconds, None, "s"))
        shares += found
    return rows, shares


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="The paper's mixtures at the published size.")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    rows, shares = measure(arguments.scale)
    if arguments.table:
        print(table(shares))
    else:
        show(rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
