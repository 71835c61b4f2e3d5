"""What smaller sizes keep, corpora that are left out, and settings of a query: options of a mixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curation.plan import make_plan
from curation.plan.mixture import Mixture, load_mixture
from manifests.errors import MixtureError, SettingsError
from manifests.settings import check_settings
from tests.curation.synthetic_catalog import cut, write_catalog

CUTS = [cut(f"{corpus}-{number:02}", corpus=corpus, task=task, duration=1.0 + number % 3)
        for corpus, task, count in (("talk", "asr", 24), ("read", "asr", 12), ("noises", "sound", 12))
        for number in range(count)]  # fmt: skip

# Fingerprints of the version before there were these options: they must not move.
WHOLE = "68a2829f98ca8e7aaccebc80dba6eafc8b73e3d7be97bbc875ab3dc91544fe50"
SMALL = "e3f134546f8c64975420b49282d4cf883ebc8a0363cdc30322dd2069f14cf0b1"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalog(tmp_path_factory.mktemp("repeats") / "catalog", CUTS)


def mixture(**changes: Any) -> Mixture:
    values: dict[str, Any] = {
        "stage": "sft",
        "query": "SELECT cut_id, task AS domain FROM cuts",
        "unit": "samples",
        "budget": 96,
    }
    values |= {"shares": {"asr": 0.75, "sound": 0.25}, "max_repeats": 16, "batch": {"seconds": 10}} | changes
    return check_settings(Mixture, {name: value for name, value in values.items() if value is not None}, where="test")


def drawn(catalog: Path, folder: Path, **changes: Any) -> tuple[int, int, set[str]]:
    """Draws, the most uses of a cut, and the cuts."""
    lock = make_plan(mixture(**changes), catalog, folder)
    ids = pq.read_table(folder / "plan.parquet")["cut_id"].to_pylist()
    return len(ids), max(domain.max_repeat for domain in lock.domains.values()), set(ids)


@pytest.mark.parametrize("amount", [{"budget": 96}, {"budget": None, "epochs": 2}])
def test_matched_keeps_the_passes_and_free_how_much_is_drawn(catalog: Path, tmp_path: Path, amount: Any) -> None:
    whole = drawn(catalog, tmp_path / "whole", **amount)
    matched = drawn(catalog, tmp_path / "matched", fraction=0.25, repeats="matched", **amount)
    free = drawn(catalog, tmp_path / "free", fraction=0.25, repeats="free", **amount)
    assert whole[:2] == (96, 2) and matched[:2] == (24, 2) and free[:2] == (96, 8)
    assert matched[2] == free[2] < whole[2] and len(free[2]) == 12


def test_without_repeats_and_where_it_changes_nothing_a_mixture_is_what_it_was() -> None:
    assert mixture(fraction=0.5).sha256 == SMALL
    assert mixture().sha256 == WHOLE
    assert {mixture(**none).sha256 for none in ({"repeats": "matched"}, {"repeats": "free"}, {"leave_out": []})} == {
        WHOLE
    }
    assert mixture(fraction=0.5, repeats="free").sha256 == SMALL
    epochs: dict[str, Any] = {"budget": None, "epochs": 2, "fraction": 0.5}
    assert mixture(**epochs, repeats="matched").sha256 == mixture(**epochs).sha256
    different = {mixture(fraction=0.5, repeats="matched").sha256, mixture(**epochs, repeats="free").sha256, SMALL}
    assert len(different) == 3


def test_what_cannot_be_had_is_said_in_the_mixtures_own_numbers(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(MixtureError, match=r"budget: 48\b"):  # and not the 24 of the half that is left
        make_plan(mixture(max_repeats=1, fraction=0.5, repeats="matched"), catalog, tmp_path / "a")
    with pytest.raises(MixtureError, match=r"epochs: 2\b"):
        make_plan(mixture(max_repeats=2, budget=None, epochs=4), catalog, tmp_path / "b")


def test_a_corpus_is_left_out_and_a_domain_that_had_no_other(catalog: Path, tmp_path: Path) -> None:
    draws, _, cuts = drawn(catalog, tmp_path / "talk", leave_out=["talk"])
    assert draws == 96 and {name.partition("-")[0] for name in cuts} == {"read", "noises"}
    draws, _, cuts = drawn(catalog, tmp_path / "noises", leave_out=["noises"])
    assert draws == 96 and {name.partition("-")[0] for name in cuts} == {"talk", "read"}
    with pytest.raises(MixtureError, match=r"leave_out names noise, no corpus of the catalog \(nearest: noises"):
        make_plan(mixture(leave_out=["noise"]), catalog, tmp_path / "odd")
    with pytest.raises(MixtureError, match="nothing is left to draw"):
        make_plan(mixture(leave_out=["noises", "talk", "read"]), catalog, tmp_path / "none")


def test_a_query_may_have_settings_of_its_own(catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "long.sql").write_text(
        "-- setting: least = 2\nSELECT cut_id, task AS domain FROM cuts WHERE duration >= getvariable('least')"
    )
    (tmp_path / "m.yaml").write_text(
        "stage: sft\nselect: long.sql\nunit: samples\nepochs: 1\nshares: {asr: 1, sound: 1}\nmax_repeats: 9\n"
        "batch: {seconds: 10}\nrule: {least: 3}\n"
    )
    lock = make_plan(load_mixture(tmp_path / "m.yaml"), catalog, tmp_path / "plan")
    assert {name: domain.candidates for name, domain in lock.domains.items()} == {"asr": 12, "sound": 4}
    (tmp_path / "m.yaml").write_text((tmp_path / "m.yaml").read_text().replace("least: 3", "most: 3"))
    with pytest.raises(SettingsError, match=r"it does not read the setting most\. Known settings: least"):
        make_plan(load_mixture(tmp_path / "m.yaml"), catalog, tmp_path / "odd")
