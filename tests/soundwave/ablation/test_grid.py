"""Grid files: the bundled ones load, and wrong ones are refused in one sentence."""

import pytest

from manifests.errors import MissingFileError, SettingsError
from manifests.settings import Override
from soundwave.ablation.grid import GRIDS, Grid, load_grid

ARM = {"full": [{"stage": "alignment", "mixture": "alignment"}]}


@pytest.mark.parametrize("name", GRIDS.names())
def test_bundled_grids_load(name):
    grid = load_grid(name)
    assert grid.question.endswith("?")
    assert grid.arms


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("question: Why?\narms: {a: [{stage: x, mixture: y}]}\nsizes: [1]\n")
    with pytest.raises(SettingsError, match=r"grid\.yaml: unknown key `sizes` \(known: .*fractions"):
        load_grid(str(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fractions": [0.5, 1.5]}, r"fractions hold 1\.5"),
        ({"fractions": [0]}, r"fractions hold 0"),
        ({"fractions": [1, 1.0]}, "twice"),
        ({"seeds": [7, 7]}, "twice"),
        ({"seeds": []}, "at least one"),
        ({"arms": {"empty": []}}, "`empty` has no stages"),
        ({"arms": {}}, "arms"),
        ({"stages": {"alinment": {"seed": 1}}}, r"stages hold alinment, which no arm trains \(nearest: alignment\)"),
        ({"mixtures": {"sft": {"seed": 1}}}, r"mixtures hold sft, which no arm trains"),
        ({"evaluate": {"decode": ["ctc"]}}, "metric llm_wer is not among"),
        ({"metric": "ctc_cer", "evaluate": {"decode": ["llm"]}}, "metric ctc_cer is not among"),
        ({"metric": "llm_wr"}, r"No figure is called `llm_wr`\..*llm_wer"),
        ({"workers": 0}, "workers"),
    ],
)
def test_inconsistent_grids_are_refused(tmp_path, changes, message):
    import yaml

    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({"question": "Why?", "arms": ARM} | changes))
    with pytest.raises(SettingsError, match=message):
        load_grid(str(path))


def test_a_missing_grid_lists_the_bundled_ones():
    with pytest.raises(MissingFileError, match="demo-long"):
        load_grid("no-such-grid")


def test_a_grid_may_extend_a_bundled_one_and_add_an_arm(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: demo\nfractions: [0.5]\narms: {short: [{stage: alignment, mixture: alignment}]}\n")
    grid, known = load_grid(path), load_grid("demo")
    assert (grid.question, list(grid.arms), grid.fractions) == (known.question, [*known.arms, "short"], (0.5,))


def test_a_key_of_an_arm_is_replaced_by_its_place():
    key = "arms.without-stage-1.0.mixture_settings.budget"
    before = load_grid("demo-long").arms["without-stage-1"][0]
    after = load_grid("demo-long", [Override.parse(f"{key}=2", "--set")]).arms["without-stage-1"][0]
    assert after.mixture_settings == {**before.mixture_settings, "budget": 2}
    assert after.settings == before.settings


def test_defaults_are_one_cell():
    grid = Grid.model_validate({"question": "Why?", "arms": ARM})
    assert grid.fractions == (1.0,)
    assert len(grid.seeds) == 1
