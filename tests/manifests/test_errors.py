from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from manifests import errors


def test_the_drawn_tree_is_the_real_tree() -> None:
    drawn = {line.strip("│├└─ ").partition(" ")[0] for line in (errors.__doc__ or "").splitlines()}
    real = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert real <= drawn


def test_every_error_is_bad_input() -> None:
    leaves = errors.InputError.__subclasses__()
    assert len(leaves) >= 8
    assert all(issubclass(leaf, errors.SoundwaveError) for leaf in leaves)


def test_audio_error_survives_the_way_back_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(errors.AudioError("x.flac is cut", reason="audio_missing")))
    assert (str(error), error.reason) == ("x.flac is cut", "audio_missing")


def test_a_missing_package_says_what_needs_it_and_what_to_install() -> None:
    with pytest.raises(errors.MissingPackageError, match=r"align.*no_such_package.*pip install no-such-package"):
        errors.require("no_such_package.part", used_for="The align pass", install="pip install no-such-package")
    assert errors.require("json", used_for="x", install="y").dumps({}) == "{}"


@pytest.mark.parametrize("raised", [ValueError("bad\nmagic"), IndexError(), RecursionError(), UnicodeError("x" * 999)])
def test_what_a_library_raises_while_it_reads_names_the_file(raised: Exception) -> None:
    with (
        pytest.raises(errors.ManifestError, match=r"^a/x\.bin is damaged, or not a thing \(.{1,300}\)\. Make it\.$"),
        errors.reading(Path("a/x.bin"), "a thing", go_on="Make it."),
    ):
        raise raised


@pytest.mark.parametrize("raised", [errors.StaleError("x"), FileNotFoundError("x"), KeyboardInterrupt()])
def test_errors_of_ours_pass_as_they_are(raised: BaseException) -> None:
    with pytest.raises(type(raised)) as caught, errors.reading(Path("x"), "a thing"):
        raise raised
    assert caught.value is raised
