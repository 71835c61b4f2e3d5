"""What names of splits mean, and that an unknown one is never train."""

from __future__ import annotations

import pytest

from manifests.errors import SettingsError
from manifests.rows.splits import as_split, doubt, known_split, map_splits

KNOWN = {
    "train": """train Train TRAINING trn tr train-clean-100 train_960 train.other.500
        trainclean100 trainset train_si284 tr05_simu
        gigaspeech_train_xl si_tr_s train_nodev tr_no_dev train_unlabeled
        ｔｒａｉｎ TrainClean360 train[:10%]""",
    "dev": """dev DEV dev2 dev-clean devclean dev_other dev-clean-2 valid VALIDATION validation.clean val val-2 cv
        cross-validation crossvalidation Cross_Validation dt05_real si_dt_05 train_dev test_dev93 an4_train_dev""",
    "test": """test Test testclean test-clean test_other TestOther test.clean tst tt et05_real si_et_05 eval Eval1
        eval92 evaluation EVAL2000 test_eval92 devtest dev-test callhome_devtest evltest heldout held-out HeldOut
        hold_out""",
}
UNKNOWN = """validated invalidated other unsupervised unlabeled unlabelled reported trainval train+validation test_train
    dev/eval not_train non-train no-test pretrain pre_train XL all full default split1 0 untrained constrained trainer
    обучение de tr_TR cv17 cv-corpus-17 train_invalidated devil testimony latest"""


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in KNOWN.items() for name in names.split()])
def test_known_names(split: str, name: str) -> None:
    assert known_split(name) == split


@pytest.mark.parametrize("name", [*UNKNOWN.split(), "", "held", "out of train and dev"])
def test_what_names_no_one_split_has_no_meaning(name: str) -> None:
    assert known_split(name) is None


@pytest.mark.parametrize(
    "name", ["validated", "invalidated", "other", "unsupervised", "trainval", "not_train", "dev/eval"]
)
def test_names_that_look_like_a_splits_are_doubtful(name: str) -> None:
    assert doubt(name)
    assert doubt("kaldi") is None


def test_a_map_goes_before_the_known_names_and_knows_other_spellings() -> None:
    found = map_splits({"XL": "a:1", "eval": "a:2", "dev": "a:3"}, {"xl": "Train", "Eval": "validation"})
    assert found == {"XL": "train", "eval": "dev", "dev": "dev"}
    assert map_splits({"all": "a", "other": "b"}, {"all": "HASH", "other": "reject"}) == {
        "all": "hash",
        "other": "reject",
    }


def test_unknown_names_are_all_asked_for_with_their_places() -> None:
    with pytest.raises(SettingsError) as error:
        map_splits({"train": "a:1", "validated": "a:7", "my part": "b:2"}, {})
    for said in (
        "a:7: split 'validated' (Common Voice",
        "b:2: split 'my part'",
        "`split_map`, once for each: validated=train",
    ):
        assert said in str(error.value)
    assert " 'my part=train'" in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"devv": "dev"}, "split_map names 'devv', but the source has 'train'"),
        ({"train": "validated"}, "split_map of 'train' is 'validated', expected train, dev, test, hash or reject"),
        ({"-": "dev"}, "has the name '-'"),
    ],
)
def test_a_map_that_cannot_be_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        map_splits({"train": "a"}, given)


def test_settings_take_known_names_in_any_letter_case() -> None:
    assert [as_split(name, setting="split") for name in ("TEST", "Validation", " eval ")] == ["test", "dev", "test"]
    with pytest.raises(SettingsError, match="split is 'other', expected train, dev or test"):
        as_split("other", setting="split")
