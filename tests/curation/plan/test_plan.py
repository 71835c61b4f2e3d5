from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.catalog import build
from curation.plan import check_plan, make_plan, plan_schedule
from curation.plan.mixture import Mixture
from curation.plan.write import ROW_GROUP
from manifests.errors import (
    InputError,
    ManifestError,
    MissingFileError,
    MixtureError,
    OccupiedError,
    QueryError,
    StaleError,
)
from manifests.files import MARK
from manifests.plans import read_lock
from manifests.schema import arrow_schema
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, mono_cut, text_row, write_catalog, write_corpus_lines

QUERY = "SELECT cut_id, task AS domain FROM cuts"
PROPERTY = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
PAIRS = settings(PROPERTY, max_examples=8)  # each example makes two plans


def mixture(**changes: Any) -> Mixture:
    values = {
        "stage": "sft",
        "query": QUERY,
        "unit": "hours",
        "budget": 200 / 3600,
        "shares": {"asr": 0.7, "st": 0.2, "qa": 0.1},
        "max_repeats": 4,
        "batch": {"seconds": 10},
        "window": 4,
        "seed": 1,
    } | changes
    return check_settings(Mixture, {k: v for k, v in values.items() if v is not None}, where="test")


def some_cuts(asr: int = 60, st_: int = 30, qa: int = 40) -> list[dict[str, Any]]:
    """Durations of 0.5 to 8 s without a pattern in the ids."""
    rows = [cut(f"a{n:03}", task="asr", duration=0.5 + (n * 7919 % 76) / 10) for n in range(asr)]
    rows += [cut(f"s{n:03}", task="st", duration=0.5 + (n * 6007 % 76) / 10) for n in range(st_)]
    return rows + [text_row(f"q{n:03}", text="why " * (1 + n % 9)) for n in range(qa)]


@pytest.fixture(scope="module")
def some_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog of some_cuts(), for tests that make many plans of it."""
    return write_catalog(tmp_path_factory.mktemp("some") / "catalog", some_cuts())


def planned(
    folder: Path,
    cuts: list[dict[str, Any]],
    asked: Mixture,
    *,
    name: str = "p",
    threads: int | None = None,
    catalog: Path | None = None,
):
    catalog = catalog or folder / "catalog"
    if not catalog.is_dir():
        write_catalog(catalog, cuts)
    lock = make_plan(asked, catalog, folder / name, threads=threads)
    return lock, pq.read_table(folder / name / "plan.parquet").to_pylist()


def by_domain(rows: list[dict[str, Any]], domain: str) -> list[tuple[str, int]]:
    return [(row["cut_id"], row["repeat"]) for row in rows if row["domain"] == domain]


def test_a_plan_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    planned(tmp_path, some_cuts(), mixture())
    expected = [field for field in arrow_schema("plans") if field.name != "trained_text"]  # only where texts are given
    assert list(pq.read_schema(tmp_path / "p" / "plan.parquet")) == expected


def test_steps_and_slots_count_up_without_gaps(tmp_path: Path) -> None:
    lock, rows = planned(tmp_path, some_cuts(), mixture())
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    steps = Counter(row["step"] for row in rows)
    assert sorted(steps) == list(range(lock.steps))
    assert [row["slot"] for row in rows] == [slot for step in sorted(steps) for slot in range(steps[step])]


def test_three_rows_by_hand(tmp_path: Path) -> None:
    """Two domains at 2:1, every cut 1 s: draws fall due at 0.75, 1.5, 2.25, ... -> a a b a a b; one step a second."""
    cuts = [cut("a", task="asr"), cut("b", task="st")]
    asked = mixture(shares={"asr": 2, "st": 1}, budget=6 / 3600, max_repeats=9, window=1, batch={"seconds": 1})
    lock, rows = planned(tmp_path, cuts, asked)
    assert [(row["step"], row["cut_id"], row["repeat"]) for row in rows] == [
        (0, "a", 0),
        (1, "b", 0),  # due at 1.5
        (2, "a", 1),  # due at 2.25
        (3, "a", 2),
        (4, "b", 1),
        (5, "a", 3),
    ]
    assert {row["seconds"] for row in rows} == {1.0}
    assert lock.domains["asr"].realised == pytest.approx(4 / 3600)


LONGEST = {"hours": 8 / 3600, "samples": 1, "llm_tokens": 12, "frames": 400}  # of some_cuts()


@PROPERTY
@given(
    seed=st.integers(0, 9),
    shares=st.tuples(*[st.floats(0.05, 1)] * 3),
    budget=st.floats(20, 300),
    unit=st.sampled_from(["hours", "samples", "llm_tokens", "frames"]),
)
def test_shares_hold_and_uses_are_even(
    tmp_path_factory, some_catalog: Path, seed: int, shares: tuple, budget: float, unit: str
) -> None:
    asked = mixture(
        seed=seed,
        shares=dict(zip(("asr", "st", "qa"), shares, strict=True)),
        unit=unit,
        budget=budget * {"hours": 1 / 3600, "frames": 50}.get(unit, 1),
        max_repeats=40,
    )
    lock, rows = planned(tmp_path_factory.mktemp("plan"), [], asked, catalog=some_catalog)
    for name, domain in lock.domains.items():
        units = sum(row["units"] for row in rows if row["domain"] == name)
        assert abs(units - domain.planned) <= LONGEST[unit] / 2 + 1e-9
        uses = Counter(cut_id for cut_id, _ in by_domain(rows, name))
        most = max(uses.values(), default=0)
        assert most == domain.max_repeat <= 40
        if most > 1:  # k or k + 1 uses of every candidate
            assert len(uses) == domain.candidates
            assert set(uses.values()) <= {most - 1, most}
    assert len({(row["cut_id"], row["domain"], row["repeat"]) for row in rows}) == len(rows)


@PAIRS
@given(small=st.floats(20, 100), factor=st.floats(1.05, 4), seed=st.integers(0, 5))
def test_a_bigger_budget_only_appends(
    tmp_path_factory, some_catalog: Path, small: float, factor: float, seed: int
) -> None:
    """Per domain the small plan's rows are among the big one's, and all windows but its last are the same."""
    folder = tmp_path_factory.mktemp("plan")
    few, many = (
        planned(folder, [], mixture(budget=budget / 3600, seed=seed, max_repeats=9), name=name, catalog=some_catalog)[1]
        for name, budget in (("few", small), ("many", small * factor))
    )
    for domain in ("asr", "st", "qa"):
        assert set(by_domain(few, domain)) <= set(by_domain(many, domain))
    same = max(row["step"] for row in few) // 4 * 4 - 4  # windows that the smaller plan fills
    assert [row for row in few if row["step"] < same] == [row for row in many if row["step"] < same]


@pytest.fixture(scope="module")
def one_thread(tmp_path_factory, some_catalog: Path) -> str:
    """The checksum of a plan of some_cuts() in their order, made by one thread."""
    lock, _ = planned(tmp_path_factory.mktemp("plan"), [], mixture(), threads=1, catalog=some_catalog)
    return lock.plan_sha256


@PROPERTY
@given(order=st.randoms(use_true_random=False), threads=st.sampled_from([1, 2, 3]))
def test_threads_and_the_order_of_the_catalog_do_not_matter(
    tmp_path_factory, one_thread: str, order, threads: int
) -> None:
    cuts = some_cuts()
    order.shuffle(cuts)
    lock, _ = planned(tmp_path_factory.mktemp("plan"), cuts, mixture(), threads=threads)
    assert lock.plan_sha256 == one_thread


def in_row_groups(catalog: Path, cuts: list[dict[str, Any]]) -> Path:
    """A catalog in row groups so small that threads really share the work."""
    part = write_catalog(catalog, cuts) / "cuts" / "syn" / "part.parquet"
    pq.write_table(pq.read_table(part), part, row_group_size=8192)
    return catalog


def test_many_rows_give_the_same_bytes_in_any_order_on_any_threads(tmp_path: Path) -> None:
    """More draws than a row group of a plan has."""
    kinds = ("asr", "asr", "asr", "st", "sound")
    cuts = [cut(f"c{n:06}", task=kinds[n % 5], duration=0.5 + (n * 7919 % 195) / 10) for n in range(60_000)]
    asked = mixture(shares={"asr": 0.8, "st": 0.15, "sound": 0.05}, budget=370, max_repeats=3, window=16)
    asked = asked.model_copy(update={"batch": asked.batch.model_copy(update={"seconds": 240.0})})
    first = in_row_groups(tmp_path / "first", cuts)
    other = in_row_groups(tmp_path / "other", random.Random(1).sample(cuts, len(cuts)))
    locks = [
        make_plan(asked, catalog, tmp_path / f"plan-{number}", threads=threads)
        for number, (catalog, threads) in enumerate(((first, 1), (other, 2), (other, 4)))
    ]
    assert locks[0].draws > ROW_GROUP
    assert len({lock.plan_sha256 for lock in locks}) == 1


def test_a_rebuilt_catalog_gives_the_same_bytes(tmp_path: Path) -> None:
    """From JSONL, and again after the catalog was deleted and its corpus's lines shuffled."""
    lines = [mono_cut(f"syn-{n}", duration=0.5 + n % 7) for n in range(60)]
    asked = mixture(query="SELECT cut_id, domain FROM accepted", shares={"asr": 1}, budget=100 / 3600)
    marks = []
    for order in (lines, lines[::-1]):
        write_corpus_lines(tmp_path / "corpora" / "syn", order)
        shutil.rmtree(tmp_path / "catalog", ignore_errors=True)
        build(tmp_path / "corpora", tmp_path / "labels", tmp_path / "catalog")
        lock = make_plan(asked, tmp_path / "catalog", tmp_path / f"plan-{len(marks)}")
        marks.append((lock.plan_sha256, lock.catalog_fingerprint))
    assert marks[0] == marks[1]


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of about 3 h."""
    cuts = [cut(f"a{n:03}", task="asr", duration=20 + n * 7919 % 60) for n in range(180)]
    cuts += [cut(f"s{n:03}", task="st", duration=20 + n * 6007 % 60) for n in range(60)]
    return write_catalog(tmp_path_factory.mktemp("hours") / "catalog", cuts)


@PAIRS
@given(hours=st.floats(0.5, 1), seed=st.integers(0, 3))
def test_the_ten_hour_plan_is_inside_the_twenty_hour_plan(
    tmp_path_factory, three_hours: Path, hours: float, seed: int
) -> None:
    """Per domain, with repeats: 3 h of candidates give up to 10 and 20 h."""
    folder = tmp_path_factory.mktemp("plan")
    shares = {"asr": 0.8, "st": 0.2}
    found = {}
    for budget in (10 * hours, 20 * hours):
        asked = mixture(shares=shares, budget=budget, seed=seed, max_repeats=30, batch={"seconds": 240})
        _, rows = planned(folder, [], asked, name=f"{budget}", catalog=three_hours)
        found[budget] = rows
    few, many = found.values()
    for domain in shares:
        assert set(by_domain(few, domain)) < set(by_domain(many, domain))


@PAIRS
@given(fractions=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)), seed=st.integers(0, 5))
def test_a_smaller_fraction_is_inside_a_bigger_one(
    tmp_path_factory, some_catalog: Path, fractions: tuple, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("plan")
    small, big = sorted(fractions)
    pools = []
    for name, fraction in (("small", small), ("big", big)):
        asked = mixture(fraction=fraction, seed=seed, budget=None, epochs=3.0, max_repeats=200)
        lock, rows = planned(folder, [], asked, name=name, catalog=some_catalog)
        pools.append({row["cut_id"] for row in rows})
        for domain, total in (("asr", 60), ("st", 30)):
            assert abs(lock.domains[domain].candidates - fraction * total) <= 0.35 * total
    assert pools[0] <= pools[1]


def test_the_whole_plan_is_one_seed_apart(tmp_path: Path) -> None:
    a, _ = planned(tmp_path, some_cuts(), mixture(seed=1), name="a")
    b, _ = planned(tmp_path, some_cuts(), mixture(seed=2), name="b")
    assert a.plan_sha256 != b.plan_sha256


def test_windows_hold_shares_and_steps_hold_similar_lengths(tmp_path: Path) -> None:
    cuts = [cut(f"a{n:04}", task="asr", duration=1 + n % 13) for n in range(900)]
    cuts += [cut(f"s{n:04}", task="st", duration=1 + n % 7) for n in range(500)]
    asked = mixture(shares={"asr": 0.75, "st": 0.25}, budget=1.5, window=8, batch={"seconds": 60}, max_repeats=1)
    lock, rows = planned(tmp_path, cuts, asked)
    assert lock.worst_window is not None
    assert abs(lock.worst_window.off_by) <= lock.worst_window.longest
    totals = Counter()
    for row in rows:
        totals[row["step"]] += row["seconds"]
    assert max(totals.values()) <= 60 + 13
    full = [totals[step] for step in totals if step < lock.steps // 8 * 8]
    assert sum(full) / len(full) == pytest.approx(60, rel=0.05)
    spread = [
        max(row["seconds"] for row in rows if row["step"] == step)
        - min(row["seconds"] for row in rows if row["step"] == step)
        for step in range(lock.steps - 8)
    ]
    assert sum(spread) / len(spread) < 3  # of 12 in an unsorted step


@pytest.mark.parametrize("limit", [1, 3, 8])
def test_rows_per_step_are_capped(tmp_path: Path, limit: int) -> None:
    _, rows = planned(tmp_path, some_cuts(), mixture(batch={"seconds": 30, "rows": limit}))
    assert max(Counter(row["step"] for row in rows).values()) <= limit


def test_nested_domains_share_what_their_parent_has(tmp_path: Path) -> None:
    cuts = [
        cut(f"{kind}{n:03}", corpus=kind, duration=1 + n % 5) for kind in ("read", "talk", "call") for n in range(90)
    ]
    cuts += [cut(f"s{n:03}", task="st", duration=1 + n % 3) for n in range(90)]
    nested = {"asr": {"share": 0.9, "of": {"read": 2, "talk": {"share": 1, "of": {"talk": 3, "call": 1}}}}, "st": 0.1}
    query = (
        "SELECT cut_id, CASE WHEN task = 'st' THEN 'st' WHEN corpus = 'read' THEN 'asr/read' "
        "ELSE 'asr/talk/' || corpus END AS domain FROM cuts"
    )
    lock, _ = planned(tmp_path, cuts, mixture(query=query, shares=nested, budget=400 / 3600, max_repeats=3))
    assert {name: round(domain.share, 6) for name, domain in lock.domains.items()} == {
        "asr/read": 0.6,
        "asr/talk/call": 0.075,
        "asr/talk/talk": 0.225,
        "st": 0.1,
    }
    for domain in lock.domains.values():
        assert abs(domain.realised - domain.planned) <= 2.5 / 3600


@pytest.mark.parametrize("threads", [1, 2])
def test_draws_that_are_longer_than_a_step_are_told(tmp_path: Path, threads: int) -> None:
    """Of several as long always the same, on any number of threads: notes stand in the lock."""
    rows = [cut(f"long{n:05}", task="asr", duration=12.0) for n in range(20_000)] + [cut("short", duration=2.0)]
    asked = mixture(shares={"asr": 1}, unit="samples", budget=20_001, max_repeats=1)
    lock, _ = planned(tmp_path, rows, asked, threads=threads)
    told = [note for note in lock.notes if "longer than" in note]
    assert told == [
        "20,000 draws are longer than the 10 s of a step (`batch.seconds`), the longest is long19999 with 12.0 s: "
        "their steps need more memory. Leave such cuts out in the query, or raise `batch.seconds`."
    ]


def test_text_rows_have_their_place(tmp_path: Path) -> None:
    cuts = [text_row("q", text="x" * 30, target_text="y" * 10), text_row("labelled"), cut("a", duration=2.0)]
    labels = [{"pass": "tokens", "cut_id": "labelled", "name": "llm_tokens", "value": 100.0}]
    write_catalog(tmp_path / "catalog", cuts, labels=labels)
    asked = mixture(shares={"asr": 1, "qa": 1}, budget=40 / 3600, max_repeats=60, text_seconds_per_token=0.25)
    _, rows = planned(tmp_path, [], asked)
    assert {row["cut_id"]: row["seconds"] for row in rows} == {"q": 2.5, "labelled": 25.0, "a": 2.0}
    _, rows = planned(tmp_path, [], asked.model_copy(update={"unit": "llm_tokens", "budget": 300.0}), name="tokens")
    assert {row["cut_id"]: row["units"] for row in rows} == {"q": 10.0, "labelled": 100.0, "a": 3.0}


def test_frames_come_from_the_encode_pass(tmp_path: Path) -> None:
    labels = [{"pass": "encode", "cut_id": "a", "name": "frames", "value": 83.0}]
    write_catalog(tmp_path / "catalog", [cut("a"), cut("b", duration=1.01)], labels=labels)
    asked = mixture(unit="frames", shares={"asr": 1}, budget=300, max_repeats=9, frame_rate=50)
    _, rows = planned(tmp_path, [], asked)
    assert {row["cut_id"]: row["units"] for row in rows} == {"a": 83.0, "b": 51.0}


def test_temperature_moves_shares_from_epoch_to_epoch(tmp_path: Path) -> None:
    cuts = [cut(f"a{n:03}", task="asr") for n in range(90)] + [cut(f"s{n:03}", task="st") for n in range(10)]
    asked = mixture(
        unit="samples",
        shares=None,
        temperature={"start": 1, "add_per_epoch": 99},
        budget=None,
        epochs=2,
        max_repeats=9,
        window=1,
        batch={"seconds": 10},
    )
    lock, rows = planned(tmp_path, cuts, asked)
    counts = [Counter(row["domain"] for row in rows if (row["step"] >= 10) == late) for late in (False, True)]
    assert counts[0] == {"asr": 90, "st": 10}
    assert counts[1]["st"] == pytest.approx(49.5, abs=1)  # T = 100: close to even
    assert [round(phase["shares"]["st"], 2) for phase in lock.schedule] == [0.1, 0.49]


def test_an_unchanged_plan_is_kept_and_that_of_another_mixture_is_moved_aside_when_asked(tmp_path: Path) -> None:
    planned(tmp_path, some_cuts(), mixture())
    before = (tmp_path / "p" / "plan.parquet").stat().st_mtime_ns
    planned(tmp_path, some_cuts(), mixture())
    assert (tmp_path / "p" / "plan.parquet").stat().st_mtime_ns == before
    with pytest.raises(OccupiedError, match="seed: found 1, asked 5"):
        planned(tmp_path, some_cuts(), mixture(seed=5))
    assert (tmp_path / "p" / "plan.parquet").stat().st_mtime_ns == before
    make_plan(mixture(seed=5), tmp_path / "catalog", tmp_path / "p", aside=True)
    assert (tmp_path / "p" / "plan.parquet").stat().st_mtime_ns != before
    assert (tmp_path / "p.old-1" / "plan.parquet").stat().st_mtime_ns == before


def test_a_plan_of_another_catalog_or_with_other_bytes_is_stale(tmp_path: Path) -> None:
    lock, _ = planned(tmp_path, some_cuts(), mixture())
    assert check_plan(tmp_path / "p", tmp_path / "catalog") == lock == read_lock(tmp_path / "p")
    write_catalog(tmp_path / "catalog", some_cuts(asr=61))
    with pytest.raises(StaleError, match="has changed since"):
        check_plan(tmp_path / "p", tmp_path / "catalog")
    with (tmp_path / "p" / "plan.parquet").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(StaleError, match="is not the plan its lock was made for"):
        check_plan(tmp_path / "p", tmp_path / "catalog")
    lock, _ = planned(tmp_path, [], mixture())
    assert lock.domains["asr"].candidates == 61


def test_a_lock_of_another_shape_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="mix plan"):
        read_lock(tmp_path)
    (tmp_path / "lock.json").write_text(json.dumps({"domains": {}, "worst_window": None}))
    with pytest.raises(ManifestError, match=r"`name` is missing, expected text; .*Run `soundwave mix plan` again"):
        read_lock(tmp_path)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT cut_id FROM cuts", "domain"),
        ("SELECT cut_id, domain FROM nowhere", "nowhere"),
        ("DELETE FROM cuts", "found DELETE, expected one SELECT"),
        ("SELECT cut_id, domain FROM cuts; SELECT 1", "expected one SELECT"),
        ("SELECT 'x' || cut_id AS cut_id, domain FROM cuts", "130 rows whose cut_id is not in the catalog"),
        ("SELECT cut_id, NULL AS domain FROM cuts", "domain is NULL"),
        ("SELECT cut_id, domain FROM cuts UNION ALL SELECT cut_id, domain FROM cuts", "'a000' 2 times in domain 'asr'"),
        ("SELECT cut_id, domain FROM read_csv('/etc/passwd')", "found the function read_csv"),
    ],
)
def test_queries_that_cannot_be_used(tmp_path: Path, query: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        planned(tmp_path, some_cuts(), mixture(query=query))
    assert not (tmp_path / "p").exists()


def test_a_cut_may_serve_two_domains(tmp_path: Path) -> None:
    query = "SELECT cut_id, unnest(['say', 'translate']) AS domain FROM cuts WHERE task = 'asr'"
    _, rows = planned(tmp_path, some_cuts(), mixture(query=query, shares={"say": 1, "translate": 1}, max_repeats=1))
    assert {row["domain"] for row in rows} == {"say", "translate"}


def test_a_disk_that_fills_up_is_said_and_leaves_no_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("curation.plan.write_plan", full)
    with pytest.raises(InputError, match=r"plan\.parquet could not be written: No space left"):
        planned(tmp_path, some_cuts(), mixture())
    assert [path.name for path in (tmp_path / "p").iterdir()] == [MARK]


def test_what_cannot_be_had_leaves_the_old_plan(tmp_path: Path) -> None:
    lock, _ = planned(tmp_path, some_cuts(), mixture())
    with pytest.raises(MixtureError, match="cannot be had"):
        planned(tmp_path, some_cuts(), mixture(budget=100))
    assert check_plan(tmp_path / "p", tmp_path / "catalog") == lock


def test_less_than_one_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MixtureError, match="less than one cut"):
        planned(tmp_path, some_cuts(), mixture(budget=1e-7))


def test_lint_says_what_a_plan_would_draw(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", some_cuts())
    schedule, pools = plan_schedule(mixture(), tmp_path / "catalog")
    lock, _ = planned(tmp_path, [], mixture())
    assert {name: pool.candidates for name, pool in pools.items()} == {"asr": 60, "qa": 40, "st": 30}
    assert schedule.planned == {name: domain.planned for name, domain in lock.domains.items()}


def test_a_rule_may_ask_what_a_sound_is_a_kind_of(tmp_path: Path) -> None:
    sounds = {"bark": ["Bark"], "moo": ["Music", "Moo"], "song": ["Song"], "odd": ["Zap"]}
    query = """
      SELECT cut_id, CASE WHEN is_a(sound, 'Animal') THEN 'animals' ELSE 'others' END AS domain
      FROM cuts WHERE is_a(sound, 'Animal') IS NOT NULL
    """
    asked = mixture(query=query, shares={"animals": 0.5, "others": 0.5}, budget=8 / 3600)
    _, rows = planned(tmp_path, [cut(name, task="sound", sound=names) for name, names in sounds.items()], asked)
    assert {(row["cut_id"], row["domain"]) for row in rows} == {
        ("bark", "animals"),
        ("moo", "animals"),
        ("song", "others"),
    }
