"""What a study may claim, what its fits say and what it runs next, on simulated studies whose truth is known.

    python -m benchmarks.claims --json

The noise is the demo's: 29 clips with 311 words, word error rates of one recipe of 0.34 to 0.40 between seeds, clips
that two runs answer differently; and that of larger test sets (500 clips). Studies have 2, 3 or 6 cells, 2, 3 or 5
seeds, and cells whose seeds are up to four times as uneven as others'.

Rows (ratio: how many times better ours is):
    false_claims   share of 1,000 studies in which nothing differs that claim anything at all, over all their
                   comparisons; peer: the plain bootstrap over clips of the mean over seeds, each comparison at 95 %.
                   Target 0.05. Without a test ("the better mean wins") it is 1.
    power          share of differences of 0.1 in word error rate that are claimed with the right sign, and
    power_small    of 0.04; peer: the same bootstrap, whose claims are worth what its false ones are.
    wrong_sign     share of differences of 0.04 whose better mean is the wrong one: what no test gets wrong.
    coverage       share of the truth that the 90 % bands of 200 fits along a share hold. Target 0.85 to 0.95.
    coverage_size_law    the same of 200 size laws, of 5 sizes and 3 seeds.
    optimum_error  median distance of the predicted best share from the true one. Target 0.05.
    next_regret    how much worse than the best the recipe is that is recommended after 8 more runs, mean of 100 trials;
                   peer: 8 runs at random, and
    next_regret_lattice  a lattice fixed beforehand.

A few minutes on one core; figures are the same on every machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, row, show
from soundwave.ablation.claims.bands import joint_bands
from soundwave.ablation.claims.contrasts import contrasts
from soundwave.ablation.claims.measured import CellSettings, MeasuredOutcome, measure
from soundwave.ablation.fits.choose import choose_fit
from soundwave.ablation.fits.frame import CellFrame, frames
from soundwave.ablation.fits.gain import gains
from soundwave.ablation.fits.optimum import find_optimum
from soundwave.ablation.fits.process import fit_process
from soundwave.ablation.fits.size import Point, fit_power_law, power_law
from soundwave.evaluate.registry import find_figure

Floats = NDArray[np.float64]
Truth = Callable[[Floats], Floats]

WER = find_figure("llm_wer")[1]
SHAPES = [(cells, seeds, clips) for clips in (29, 500) for cells in (2, 3, 6) for seeds in (2, 3, 5)]
SEED_SD, OWN_SD, EACH_SD, UNEVEN = 0.025, 0.1, 0.15, 2.0
REPLICATES = 1000
SHARES = (
    np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6]),
    np.linspace(0, 0.8, 12),
    np.array([0.0, 0.05, 0.1, 0.2, 0.5, 0.8]),
)
NOISE = 0.02  # of a run along shares, between seeds
STEPS = 8


def study(generator: np.random.Generator, shape: tuple[int, int, int], difference: float) -> MeasuredOutcome:
    """An outcome of a study; the cell at place 0 is better than all others by `difference`."""
    cells, seeds, clips = shape
    words = generator.integers(3, 19, clips).astype(np.float64)
    uneven = SEED_SD * np.exp(generator.uniform(-np.log(UNEVEN), np.log(UNEVEN), cells))
    rates = generator.normal(0.37 + 0.3, 0.2, clips) + generator.normal(0, 0.015, (1, seeds, 1))
    rates = rates + generator.standard_normal((cells, seeds, 1)) * uneven[:, None, None]
    rates = rates + generator.normal(0, OWN_SD, (cells, 1, clips))
    rates = rates + EACH_SD * (generator.standard_exponential((cells, seeds, clips)) - 1)
    rates[1:] += difference
    figures = (rates * words).sum(axis=2) / words.sum()
    parts = (rates - figures[:, :, None]) * words / words.sum()
    names = tuple(CellSettings((("arm", f"arm-{n}"),)) for n in range(cells))
    return MeasuredOutcome("llm_wer", WER, names, tuple(range(seeds)), figures, parts, np.full(cells, np.nan), clips)


def clip_bootstrap(measured: MeasuredOutcome, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """(comparisons,) ends of the plain 95 % bootstrap over clips of the mean over seeds."""
    assert measured.parts is not None
    weights = np.array([contrast.weights for contrast in contrasts(measured)])
    mean = weights @ measured.values.mean(axis=1)
    moved = weights @ measured.parts.mean(axis=1)
    times = generator.multinomial(measured.clips, np.full(measured.clips, 1 / measured.clips), size=REPLICATES)
    low, high = np.percentile(times @ moved.T, [2.5, 97.5], axis=0)
    return mean + low, mean + high


def claimed(difference: float, studies: int, seed: int) -> dict[str, float]:
    """Shares of studies, or of comparisons with the cell that differs, that are claimed: by us and by the bootstrap."""
    generator = np.random.default_rng(seed)
    any_of = {"ours": 0, "clips": 0}
    right = {"ours": 0.0, "clips": 0.0, "wrong mean": 0.0}
    for number in range(studies):
        measured = study(generator, SHAPES[number % len(SHAPES)], difference)
        asked = contrasts(measured)
        (bands,) = joint_bands([(measured, asked)], replicates=REPLICATES, seed=number)
        found = bands.variances.difference
        ends = {"ours": (found - bands.half, found + bands.half), "clips": clip_bootstrap(measured, generator)}
        true = np.array([contrast.weights[0] for contrast in asked]) > 0
        for name, (low, high) in ends.items():
            any_of[name] += bool(((low > 0) | (high < 0)).any())
            right[name] += float((high[true] < 0).mean())
        right["wrong mean"] += float((found[true] > 0).mean())
    return {f"any {name}": count / studies for name, count in any_of.items()} | {
        name: count / studies for name, count in right.items()
    }


def truth(generator: np.random.Generator, *, inside: bool = False) -> Truth:
    """A response to a share: two laws of mixing, a bowl in log-ratios, one law (its best at the end), or a dent."""
    kind = generator.choice([0, 1, 3] if inside else 4)
    if kind == 0:
        down, up, most = generator.uniform(1, 8), generator.uniform(1, 6), generator.uniform(0.15, 0.3)
        return lambda share: 0.3 + 0.3 * np.exp(-down * share) + most * np.exp(-up * (1 - share))
    if kind == 1:
        middle, steep = generator.uniform(-3, 1), generator.uniform(0.01, 0.04)
        return lambda share: 0.35 + steep * (np.log((share + 0.005) / (1 - share + 0.005)) - middle) ** 2
    if kind == 2:
        rate = generator.uniform(1, 15)
        return lambda share: 0.3 + 0.3 * np.exp(-rate * share)
    middle, width, deep = generator.uniform(0.1, 0.5), generator.uniform(0.15, 0.4), generator.uniform(0.1, 0.3)
    return lambda share: 0.6 - deep * np.exp(-((share - middle) ** 2) / 2 / width**2)


def frame_of(runs: list[tuple[float, float]]) -> CellFrame:
    """Runs (share, error) as a frame."""
    seeds: dict[float, int] = {}
    rows = []
    for share, error in runs:
        seeds[share] = seeds.get(share, -1) + 1
        cell = {"arm": "a", "fraction": 1.0, "seed": seeds[share], "cell": f"{share}-{seeds[share]}", "stage": "sft"}
        rows.append(cell | {"last": True, "llm_wer": error, "axes": {"share.sound": share}})
    measured = measure(rows, "llm_wer", WER)
    assert measured is not None
    return frames(measured)[0]


def fits(count: int) -> tuple[float, float]:
    """(coverage of 90 % bands, median distance of the best share) of fits along a share."""
    generator = np.random.default_rng(1)
    inside, distances = [], []
    for number in range(count):
        law, shares = truth(generator), SHARES[number % len(SHARES)]
        frame = frame_of([(s, float(law(s)) + generator.normal(0, NOISE)) for s in shares for _ in range(3)])
        fit = choose_fit(frame)
        assert not isinstance(fit, str)
        points = np.linspace(shares[0], shares[-1], 41)
        low, high = fit.band(points[:, None], draws=400)
        inside.append(((low <= law(points)) & (law(points) <= high)).mean())
        fine = np.linspace(shares[0], shares[-1], 801)
        distances.append(abs(find_optimum(fit, "lower").at["share.sound"] - fine[law(fine).argmin()]))
    return float(np.mean(inside)), float(np.median(distances))


def size_laws(count: int) -> float:
    """Coverage of the 90 % bands of size laws, inside the sizes that were seen."""
    generator = np.random.default_rng(2)
    sizes, inside = np.array([0.5, 1.0, 2.0, 4.0, 8.0]), []
    for _ in range(count):
        law = generator.uniform(0.05, 0.2), generator.uniform(0.2, 0.5), generator.uniform(0.3, 1.0)
        errors = power_law(np.repeat(sizes, 3), *law)
        noisy = errors * (1 + generator.normal(0, 0.04, len(errors)))
        curve = fit_power_law(
            [Point(*pair) for pair in zip(np.repeat(sizes, 3), noisy, strict=True)], replicates=100
        ).curve
        if curve is not None and (band := curve.band(asked := np.geomspace(0.5, 8, 21), certainty=0.9)) is not None:
            true = power_law(asked, *law)
            inside.append(((band[0] <= true) & (true <= band[1])).mean())
    return float(np.mean(inside))


def regrets(trials: int) -> dict[str, float]:
    """Mean regret of the recommended share after STEPS more runs, by how they were chosen."""
    generator = np.random.default_rng(3)
    found: dict[str, list[float]] = {"next": [], "random": [], "lattice": []}
    low, high = 0.0, 0.8
    fine = np.linspace(low, high, 801)
    for _ in range(trials):
        law = truth(generator, inside=True)

        def run(share: float, law: Truth = law) -> tuple[float, float]:
            return share, float(law(np.array(share))) + generator.normal(0, NOISE)

        start = [run(share) for share in np.linspace(low, high, 4)]
        chosen = list(start)
        for _ in range(STEPS):
            best = gains([frame_of(chosen)], "lower", lambda frame, points: np.ones(len(points)))[0]
            chosen.append(run(float(best.point[0])))
        others = {
            "random": [*start, *(run(float(share)) for share in generator.uniform(low, high, STEPS))],
            "lattice": [*start, *(run(float(share)) for share in np.linspace(low, high, STEPS + 2)[1:-1])],
        }
        for name, runs in {"next": chosen, **others}.items():
            process = fit_process(frame_of(runs))
            assert process is not None
            said = fine[process.predict(fine[:, None]).argmin()]
            found[name].append(float(law(said) - law(fine).min()))
    return {name: float(np.mean(values)) for name, values in found.items()}


def measure_all(scale: float = 1.0) -> list[Row]:
    """All rows; `scale`: of the number of studies, fits and trials."""
    count = lambda number: max(1, round(number * scale))  # noqa: E731
    none, large, small = claimed(0.0, count(1000), 10), claimed(0.1, count(300), 11), claimed(0.04, count(300), 12)
    coverage, optimum = fits(count(200))
    regret = regrets(count(100))
    return [
        row("false_claims", none["any ours"], none["any clips"], "share of studies"),
        row("power", large["ours"], large["clips"], "share of differences of 0.1", better="high"),
        row("power_small", small["ours"], small["clips"], "share of differences of 0.04", better="high"),
        row("wrong_sign", small["wrong mean"], None, "share of differences of 0.04, no test"),
        row("coverage", coverage, None, "share of the truth in 90 % bands"),
        row("coverage_size_law", size_laws(count(200)), None, "share of the truth in 90 % bands"),
        row("optimum_error", optimum, None, "share"),
        row("next_regret", regret["next"], regret["random"], "word error rate"),
        row("next_regret_lattice", regret["next"], regret["lattice"], "word error rate"),
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the studies, fits and trials to run")
    arguments = parser.parse_args()
    show(measure_all(arguments.scale), as_json=arguments.json)


if __name__ == "__main__":
    main()
