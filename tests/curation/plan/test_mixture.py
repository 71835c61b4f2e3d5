from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from curation.plan.mixture import MIXTURES, Mixture, flat_shares, load_mixture, temperature_shares
from curation.plan.schedule import DomainPool, make_schedule, nearest_shares
from manifests.errors import InputError, MissingFileError, MixtureError, SettingsError
from manifests.settings import check_settings

GOOD = {
    "stage": "alignment",
    "query": "SELECT cut_id, domain FROM cuts",
    "budget": 10,
    "shares": {"asr": 0.8, "st": 0.2},
    "batch": {"seconds": 60},
}


def mixture(**changes: object) -> Mixture:
    values = GOOD | changes
    return check_settings(Mixture, {k: v for k, v in values.items() if v is not None}, where="test")


@pytest.mark.parametrize("name", ["alignment", "shrinking", "sft"])
def test_the_shipped_mixtures_load(name: str) -> None:
    loaded = load_mixture(name)
    assert (loaded.name, loaded.stage) == (name, name)
    assert "split = 'train'" in (loaded.query or "")
    assert "FROM accepted" in (loaded.query or "")


def test_every_shipped_yaml_loads() -> None:
    assert {"alignment", "paper/alignment"} <= set(MIXTURES.names())
    for name in MIXTURES.names():
        assert load_mixture(name).query


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budgets": 3}, "unknown key `budgets`"),
        ({"batch": {"second": 60}}, "batch.second"),
        ({"unit": "minutes"}, "unit"),
        ({"epochs": 2}, "`budget` or `epochs`"),
        ({"budget": None}, "found neither"),
        ({"shares": None}, "`shares` or `temperature`"),
        ({"temperature": {"start": 1}}, "found shares and temperature"),
        ({"select": "x.sql"}, "found select and query"),
        ({"shares": {"asr": -1}}, "share of asr"),
        ({"shares": {"asr": 0}}, "sum to 0"),
        ({"max_repeats": 0}, "max_repeats"),
        ({"fraction": 0}, "fraction"),
        ({"fraction": 1.5}, "fraction"),
        ({"batch": {"seconds": 0}}, "batch.seconds"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        mixture(**changes)


def test_the_sql_file_stands_beside_the_yaml(tmp_path: Path) -> None:
    values = {k: v for k, v in GOOD.items() if k != "query"} | {"select": "q.sql"}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(MissingFileError, match=r"q\.sql"):
        load_mixture(tmp_path / "m.yaml")
    (tmp_path / "q.sql").write_text("SELECT 1")
    assert load_mixture(tmp_path / "m.yaml").query == "SELECT 1"
    assert load_mixture(tmp_path / "m.yaml").name == "m"


def test_the_path_of_select_is_relative_to_the_file_that_says_it(tmp_path: Path) -> None:
    values = {k: v for k, v in GOOD.items() if k != "query"} | {"select": "q.sql", "name": "theirs"}
    for folder, sql in (("b/a", "SELECT 1"), ("b", "SELECT 2")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "q.sql").write_text(sql)
    (tmp_path / "b" / "a" / "base.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "b" / "mine.yaml").write_text("extends: a/base.yaml\nseed: 3\n")
    mine = load_mixture(tmp_path / "b" / "mine.yaml")
    assert (mine.query, mine.seed, mine.name) == ("SELECT 1", 3, "mine")
    (tmp_path / "b" / "own.yaml").write_text("extends: a/base.yaml\nselect: q.sql\nname: own\n")
    own = load_mixture(tmp_path / "b" / "own.yaml")
    assert (own.query, own.name) == ("SELECT 2", "own")
    (tmp_path / "b" / "direct.yaml").write_text("extends: a/base.yaml\nquery: SELECT 3\n")
    assert load_mixture(tmp_path / "b" / "direct.yaml").query == "SELECT 3"


def test_a_bundled_mixture_is_extended_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: alignment\nshares: {sound: 0.2}\nepochs: 2\n")
    mine, theirs = load_mixture(path), load_mixture("alignment")
    assert (mine.shares, mine.budget, mine.epochs) == ({"asr": 0.97, "sound": 0.2}, None, 2)
    assert mine.query == theirs.query


def test_overrides_replace_what_excludes_them(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(GOOD))
    loaded = load_mixture(tmp_path / "m.yaml", {"epochs": 2, "temperature": {"start": 6}, "seed": 3})
    assert (loaded.budget, loaded.epochs, loaded.shares, loaded.seed) == (None, 2, None, 3)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(MissingFileError, match=r"alignment, .*sft"):
        load_mixture("nonesuch")


def test_the_name_does_not_change_the_fingerprint_and_the_query_does() -> None:
    assert mixture(name="a").sha256 == mixture(name="b").sha256
    assert mixture().sha256 != mixture(query="SELECT 1").sha256
    assert mixture().sha256 != mixture(seed=1).sha256


def test_domains_nest() -> None:
    nested = {"asr": {"share": 0.8, "of": {"read": 3, "talk": {"share": 1, "of": {"a": 1, "b": 1}}}}, "st": 0.2}
    assert flat_shares(nested) == pytest.approx({"asr/read": 0.6, "asr/talk/a": 0.1, "asr/talk/b": 0.1, "st": 0.2})
    assert mixture(shares=nested).shares == flat_shares(nested)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ({"share": 0.8, "of": {}}, "shares inside asr sum to 0"),
        ({"share": 0.8, "of": {"read": 0, "talk": 0}}, "shares inside asr sum to 0"),
        ({"share": 0.8, "of": {"read": 2, "talk": -1}}, "share of asr/talk is -1"),
        ({"share": 0.8, "of": {"read": "much"}}, "share of asr/read is 'much'"),
        ({"share": 0.8, "of": {"read": float("nan")}}, "share of asr/read is nan"),
        ({"share": "most", "of": {"read": 1}}, "share of asr is 'most'"),
        ({"share": 0.8, "off": {"read": 1}}, r"shares\.asr"),
        ({"share": 0.8, "of": {"read": {"share": 1}}}, "share of asr/read is"),
    ],
)
def test_nested_shares_that_cannot_be_are_refused(inside: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        mixture(shares={"asr": inside, "st": 0.2})


PAPER = {"qa": 78.0, "asr": 3012.0, "st": 460.0, "sound": 25.0}  # thousands of samples


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (1, {"qa": 2.2, "asr": 84.3, "st": 12.9, "sound": 0.7}),
        (6, {"qa": 20.0, "asr": 36.7, "st": 26.8, "sound": 16.5}),
        (11, {"qa": 22.4, "asr": 31.2, "st": 26.3, "sound": 20.2}),
        (31, {"qa": 24.1, "asr": 27.1, "st": 25.5, "sound": 23.2}),
    ],
)
def test_temperature_shares_are_the_papers_to_the_printed_digit(temperature: float, expected: dict) -> None:
    found = {name: round(100 * share, 1) for name, share in temperature_shares(PAPER, temperature).items()}
    assert found == expected


@given(st.dictionaries(st.text(min_size=1), st.floats(1e-3, 1e9), min_size=1, max_size=6), st.floats(0.5, 100))
def test_temperature_shares_sum_to_one_and_keep_the_order_of_sizes(sizes: dict, temperature: float) -> None:
    shares = temperature_shares(sizes, temperature)
    assert sum(shares.values()) == pytest.approx(1)
    by_size = sorted(sizes, key=lambda name: sizes[name])
    assert all(shares[a] <= shares[b] * (1 + 1e-9) for a, b in itertools.pairwise(by_size))


def test_a_size_of_nothing_has_no_temperature() -> None:
    with pytest.raises(MixtureError, match="above 0"):
        temperature_shares({"a": 0.0, "b": 1.0}, 2)


POOLS = {"asr": DomainPool(100, 4.0), "st": DomainPool(50, 3.0)}


def test_a_schedule_has_one_phase_without_temperature() -> None:
    schedule = make_schedule(mixture(max_repeats=2), POOLS)
    assert [phase.shares for phase in schedule.phases] == [{"asr": 0.8, "st": 0.2}]
    assert schedule.planned == pytest.approx({"asr": 8.0, "st": 2.0})
    assert schedule.passes == {"asr": 2, "st": 1}


def test_temperature_makes_a_phase_an_epoch() -> None:
    asked = mixture(budget=None, epochs=2.5, shares=None, temperature={"start": 1, "add_per_epoch": 5}, max_repeats=9)
    schedule = make_schedule(asked, POOLS)
    assert [(phase.start, phase.length) for phase in schedule.phases] == [(0, 7.0), (7.0, 7.0), (14.0, 3.5)]
    assert schedule.phases[0].shares == pytest.approx({"asr": 4 / 7, "st": 3 / 7})
    assert schedule.phases[1].shares == pytest.approx(temperature_shares({"asr": 4.0, "st": 3.0}, 6))
    assert sum(schedule.planned.values()) == pytest.approx(17.5)


def test_shares_that_do_not_sum_to_one_are_normalised_and_said() -> None:
    schedule = make_schedule(mixture(shares={"asr": 3, "st": 1}, budget=4), POOLS)
    assert schedule.planned == pytest.approx({"asr": 3.0, "st": 1.0})
    assert schedule.notes == ("the shares sum to 4; they were divided by that",)


def test_a_share_of_zero_leaves_a_domain_out_and_says_so() -> None:
    schedule = make_schedule(mixture(shares={"asr": 1, "st": 0}, budget=4), POOLS)
    assert schedule.planned == {"asr": 4.0}
    assert schedule.notes == ("left out (share 0): st",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shares": {"asr": 0.5, "sound": 0.5}}, r"shares are asked of sound.*asr \(100 cuts\), st \(50 cuts\)"),
        ({"shares": {"asr": 1.0}}, "the domain st without a share"),
        ({}, r"asr: 8 hours asked \(80.00% of 10\), but its 100 cuts hold 4, used at most 1 times 4\."),
        ({}, r"max_repeats: 2; or budget: 5\."),
        ({"budget": None, "epochs": 1}, r"max_repeats: 2; or epochs: 0\.7142; or shares: \{asr: 0\.5714, st: 0\.428"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_can(changes: dict, said: str) -> None:
    with pytest.raises(MixtureError, match=said):
        make_schedule(mixture(**changes), POOLS)


def test_no_candidates_at_all() -> None:
    with pytest.raises(MixtureError, match="returned no rows"):
        make_schedule(mixture(), {})


@given(
    units=st.lists(st.floats(0.1, 100), min_size=2, max_size=5),
    weights=st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
    budget=st.floats(0.1, 500),
    limit=st.integers(1, 4),
)
def test_every_way_out_of_an_infeasible_mixture_is_feasible(
    units: list[float], weights: list[float], budget: float, limit: int
) -> None:
    pools = {f"d{n}": DomainPool(10, value) for n, value in enumerate(units)}
    shares = dict(zip(pools, weights, strict=False))
    try:
        make_schedule(mixture(shares=shares, budget=budget, max_repeats=limit), pools)
        return
    except MixtureError as error:
        text = str(error)
    repeats = int(text.partition("max_repeats: ")[2].partition(";")[0].rstrip("."))
    make_schedule(mixture(shares=shares, budget=budget, max_repeats=repeats), pools)
    smaller = float(text.partition("budget: ")[2].partition(";")[0].rstrip("."))
    make_schedule(mixture(shares=shares, budget=smaller, max_repeats=limit), pools)
    total = sum(weights[: len(pools)])
    planned = {name: budget * share / total for name, share in shares.items()}
    other = nearest_shares(pools, planned, limit, budget)
    assert (other is None) == (limit * sum(units) < budget)
    if other:
        make_schedule(mixture(shares=other, budget=budget * (1 - 1e-3), max_repeats=limit), pools)


@pytest.mark.parametrize("key", ["select", "extends"])
@pytest.mark.parametrize("name", ["{root}/secret.{end}", "../secret.{end}", "link.{end}", "below/../../secret.{end}"])
def test_a_mixture_names_no_file_outside_its_folder(tmp_path: Path, key: str, name: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for end in ("sql", "yaml"):
        (tmp_path / f"secret.{end}").write_text("hunter2: [")
        (folder / f"link.{end}").symlink_to(tmp_path / f"secret.{end}")
    named = name.format(root=tmp_path, end={"select": "sql", "extends": "yaml"}[key])
    values = {k: v for k, v in GOOD.items() if k != "query"} | {key: named}
    (folder / "m.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(SettingsError, match=f"`{key}`.*expected a file in") as error:
        load_mixture(folder / "m.yaml")
    assert "hunter2" not in str(error.value)
    (folder / "plain.yaml").write_text(yaml.safe_dump(GOOD))
    with pytest.raises(SettingsError):
        load_mixture(folder / "plain.yaml", {key: named})


@pytest.mark.parametrize(("name", "data"), [("passwords", b"hunter2 SELECT"), ("q.sql", b"hunter2 \xff")])
def test_what_is_no_sql_is_not_quoted(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    values = {k: v for k, v in GOOD.items() if k != "query"} | {"select": name}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=r"ends in \.sql|not UTF-8") as error:
        load_mixture(tmp_path / "m.yaml")
    assert "hunter2" not in str(error.value)


def test_select_names_a_file_below_or_a_bundled_one(tmp_path: Path) -> None:
    values = {k: v for k, v in GOOD.items() if k != "query"}
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "q.sql").write_text("SELECT 1")
    (tmp_path / "below.yaml").write_text(yaml.safe_dump(values | {"select": "sql/q.sql"}))
    assert load_mixture(tmp_path / "below.yaml").query == "SELECT 1"
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(values | {"select": "sft.sql"}))
    assert load_mixture(tmp_path / "ours.yaml").query == load_mixture("sft").query
