"""Finding recipes by file name; reuse of what is complete and unchanged; what `prepare` leaves on disk."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.audio import Channels
from manifests.errors import ManifestError, MissingFileError, SettingsError
from manifests.files import cache_dir, read_jsonl
from manifests.rows import CUTS, REJECTS, TEXTS, CorpusInfo, TextRow, cut_rows, read_corpus
from manifests.rows.validate import validate_rows
from recipes import registry
from recipes.common import CorpusRows, Recipe, normalise
from recipes.debian_sonicpi import SAMPLES

BUNDLED = ["debian_asterisk", "debian_bsdgames_quiz", "debian_fillets", "debian_sonicpi", "debian_tuxpaint"]


@pytest.fixture
def source(tmp_path: Path, tone: Callable[..., Path]) -> Path:
    """A source of the sonicpi recipe: two samples it knows, one it does not, one empty."""
    for number, name in enumerate(("drum_roll", "bd_one", "unknown")):
        tone(tmp_path / "root" / SAMPLES / f"{name}.flac", pitch=100.0 + number)
    (tmp_path / "root" / SAMPLES / "sn_empty.flac").touch()
    return tmp_path / "root"


def rows(name: str, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_recipes", lambda: {name: recipe})


def test_every_file_with_a_recipe_is_found_by_its_name() -> None:
    assert registry.names() == sorted(registry.names())
    assert set(BUNDLED) | {"librispeech", "debian_tuxpaint_captions"} <= set(registry.names())
    assert registry.bundled() == BUNDLED
    assert not {"common", "apt", "registry"} & set(registry.names())


def test_a_recipe_is_known_by_its_corpus_too() -> None:
    assert registry.find("asterisk") is registry.find("debian_asterisk")


def test_an_unknown_recipe_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"No recipe is called `nope`.*debian_asterisk, debian_bsdgames_quiz"):
        registry.prepare("nope", Path("unused"))


def test_descriptions_name_licence_and_makers() -> None:
    described = {row["name"]: row for row in registry.describe()}
    assert list(described) == registry.names()
    assert all(row["license"] and row["makers"] and row["title"] for row in described.values())
    assert described["librispeech"]["source"] == "fetched on demand, or a folder that you have"
    assert described["debian_sonicpi"]["source"] == "Debian: sonic-pi-samples"


def test_a_corpus_is_written_whole_and_keeps_the_contract(source: Path, tmp_path: Path) -> None:
    info = registry.prepare("sonicpi", tmp_path / "out", source=source)
    folder = tmp_path / "out" / "sonicpi"
    assert (info.cuts, info.texts, info.rejects) == (2, 0, 2)
    assert read_corpus(folder) == info
    assert list(validate_rows(read_jsonl(folder / CUTS))) == []
    assert registry.rejects_by_reason(folder) == {"audio_unreadable": 1, "text_missing": 1}
    assert {row["pass"] for row in read_jsonl(folder / REJECTS)} == {"prepare"}


def test_an_unchanged_corpus_is_reused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = registry.prepare("sonicpi", tmp_path / "out", source=source)
    recipe = replace(registry.find("sonicpi"), read=lambda source, folder: pytest.fail("the source was read again"))
    rows("debian_sonicpi", recipe, monkeypatch)
    assert registry.prepare("sonicpi", tmp_path / "out", source=source) == first


@pytest.mark.parametrize("change", ["touched file", "new file", "new version", "force", "no corpus.json"])
def test_what_changed_is_prepared_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tone: Callable[..., Path], change: str
) -> None:
    registry.prepare("sonicpi", tmp_path / "out", source=source)
    read: list[Path] = []
    known = registry.find("sonicpi")

    def reading(root: Path, folder: Path) -> CorpusRows:
        read.append(root)
        return known.read(root, folder)

    rows("debian_sonicpi", replace(known, read=reading, version=2 if change == "new version" else 1), monkeypatch)
    if change in ("touched file", "new file"):
        tone(source / SAMPLES / ("bd_one.flac" if change == "touched file" else "bd_two.flac"), pitch=333.0)
    if change == "no corpus.json":
        (tmp_path / "out" / "sonicpi" / "corpus.json").unlink()
    registry.prepare("sonicpi", tmp_path / "out", source=source, force=change == "force")
    assert read == [source]


def test_a_run_that_dies_leaves_the_old_corpus_whole(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = registry.prepare("sonicpi", tmp_path / "out", source=source)

    def dying(root: Path, folder: Path) -> CorpusRows:
        raise KeyboardInterrupt

    rows("debian_sonicpi", replace(registry.find("sonicpi"), read=dying), monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        registry.prepare("sonicpi", tmp_path / "out", source=source, force=True)
    assert read_corpus(tmp_path / "out" / "sonicpi") == known
    assert not list((tmp_path / "out" / "sonicpi").glob(".*.*"))


def test_a_source_without_the_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="No such source folder"):
        registry.prepare("sonicpi", tmp_path / "out", source=tmp_path / "none")
    with pytest.raises(MissingFileError, match=r"lacks usr/share/sonic-pi/samples.*sonic-pi-samples"):
        registry.prepare("sonicpi", tmp_path / "out", source=tmp_path)
    with pytest.raises(SettingsError, match="the setting `source`"):
        registry.prepare("librispeech", tmp_path / "out")


def test_packages_in_the_cache_need_no_process(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    (cache / "debian").mkdir(parents=True)
    source.rename(cache / "debian" / "root")
    (cache / "debian" / "sonic-pi-samples.done").write_text("{}")
    monkeypatch.setenv("SOUNDWAVE_CACHE", str(cache))
    monkeypatch.setenv("PATH", "")
    assert cache_dir() == cache
    assert registry.prepare("sonicpi", tmp_path / "out").cuts == 2


def test_a_recipe_that_breaks_the_contract_reaches_no_disk(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = TextRow(id="a", corpus="sonicpi", split="train", text="?", target_text="", license="MIT")
    rows("x", replace(registry.find("sonicpi"), read=lambda *_: CorpusRows(texts=[bad, bad])), monkeypatch)
    with pytest.raises(ManifestError, match=r"made 3 bad rows, e\.g\. a: no `target_text`"):
        registry.prepare("x", tmp_path / "out", source=source)
    assert not (tmp_path / "out" / "sonicpi" / TEXTS).exists()


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    registry.prepare("sonicpi", tmp_path / "one", source=source)
    registry.prepare("sonicpi", tmp_path / "two", source=source)
    one, two = (gzip.decompress((tmp_path / name / "sonicpi" / CUTS).read_bytes()) for name in ("one", "two"))
    assert one == two


@pytest.mark.assets
@pytest.mark.parametrize("name", BUNDLED)
def test_no_two_rows_of_a_real_corpus_share_a_text_across_splits(
    real_corpus: Callable[[str], tuple[CorpusInfo, Path]], name: str
) -> None:
    info, folder = real_corpus(name)
    texts: dict[str, set[str]] = {}
    for row in cut_rows(folder):
        said = row["supervisions"][0].get("text") or row["supervisions"][0]["custom"]["target_text"]
        if info.name != "sonicpi":  # its target texts are labels: splits are disjoint in the takes of a sound
            texts.setdefault(normalise(said), set()).add(row["custom"]["split"])
    for row in read_jsonl(folder / TEXTS) if info.texts else ():
        texts.setdefault(normalise(row["text"]), set()).add(row["split"])
    assert [text for text, splits in texts.items() if len(splits) > 1] == []
    assert info.cuts + info.texts > 100


@pytest.mark.parametrize(
    ("how", "kinds", "rejected"),
    [
        (None, {"MultiCut": 1, "MonoCut": 1}, {}),
        ("first", {"MonoCut": 2}, {}),
        ("reject", {"MonoCut": 1}, {"channels_differ": 1}),
    ],
)
def test_channels_are_the_recipes_choice_or_the_users(
    tmp_path: Path, how: Channels | None, kinds: dict[str, int], rejected: dict[str, int]
) -> None:
    samples = tmp_path / "root" / SAMPLES
    samples.mkdir(parents=True)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8_000, 2))
    soundfile.write(samples / "drum_roll.flac", noise, 16_000)
    soundfile.write(samples / "bd_one.flac", noise[:, 0], 16_000)
    info = registry.prepare("sonicpi", tmp_path / "out", source=tmp_path / "root", channels=how)
    rows = list(cut_rows(tmp_path / "out" / "sonicpi"))
    assert Counter(row["type"] for row in rows) == kinds
    assert registry.rejects_by_reason(tmp_path / "out" / "sonicpi") == rejected
    assert info.provenance["settings"]["channels"] == (how or "mix")
