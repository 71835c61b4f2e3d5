"""YAML 1.2: what stays text, what is a number, and what is refused."""

import math
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from manifests.errors import SettingsError
from manifests.settings import Override, SettingsFiles, read_yaml
from manifests.settings.core_yaml import MOST_VALUES, load_yaml, yaml_line, yaml_text
from manifests.settings.fields import STRICT

ROOT = Path(__file__).parents[3]
BUNDLED = sorted(path for name in ("curation", "soundwave") for path in (ROOT / name).rglob("*.yaml"))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_files_read_as_before(path):
    text = path.read_text(encoding="utf-8")
    assert load_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "word", ["no", "NO", "off", "on", "yes", "y", "n", "1:30", "1_000", "2024-01-31", "0b1", "=", "1e"]
)
def test_it_is_text(word):
    assert load_yaml(f"a: {word}\n{word}: b") == {"a": word, word: "b"}
    assert load_yaml(yaml_text({word: [word]})) == yaml.safe_load(yaml_text({word: [word]})) == {word: [word]}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("012", 12), ("0o12", 10),
        ("0x1F", 31), ("-7", -7), ("+7", 7), ("1e-3", 0.001), ("2.0e-3", 0.002), ("1.", 1.0), (".5", 0.5),
        (".inf", math.inf), ("-.INF", -math.inf), ("'no'", "no"), ('"12"', "12"), ("12 apples", "12 apples"),
    ],
)  # fmt: skip
def test_it_is_a_value(written, value):
    found = load_yaml(f"a: {written}")["a"]
    assert found == value and type(found) is type(value)
    assert math.isnan(load_yaml(".nan"))


@pytest.mark.parametrize(
    "value", ["no", "1e-3", "0o12", "012", "12", "null", "", "1.", 1e-3, 1e300, math.inf, True, None, "a: b", "é"]
)
def test_what_is_written_is_read_again(value):
    assert load_yaml(yaml_text([value])) == [value] == load_yaml(f"[{yaml_line([value])[1:-1]}]")


def test_aliases_and_merges_stay():
    text = "base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\nagain: {<<: *b}\nlist: [*b, *b]"
    assert load_yaml(text) == yaml.safe_load(text)


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", r"the key `a` stands twice, first in line 1[\s\S]*line 3"),
        ("x: {a: 1, a: 2}", "the key `a` stands twice, first in line 1"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a:\n\t- 1", r"\\t"),
        (BOMB, f"more than {MOST_VALUES:,} values"),
        ("a: &x [1, *x]", "an alias .* stands inside what it names"),
        ("a: &x {b: *x}", "an alias .* stands inside what it names"),
        ("[" * 100_000, "nested too deeply"),
        ("? [a, b]\n: c", "unhashable key"),
        ("a: !!int x", "not what its tag"),
        ("a: !!timestamp x", "not what its tag"),
        ("a: !!bool x", "not what its tag"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: " + "9" * 5000, "not what its tag"),
        ("a: *b", "undefined alias"),
        ("a: \x00", "NUL character"),
        ("- 1", "holds list, expected `key: value`"),
        ("", "empty"),
        ("# nothing", "holds NoneType"),
    ],
    ids=range(19),
)
def test_it_is_refused(tmp_path, text, said):
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match=said) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value) and type(caught.value).__module__ == "manifests.errors"


class Spoken(BaseModel):
    """Settings with texts, numbers and truths."""

    model_config = STRICT

    language: str = "en"
    shares: dict[str, float] = {}
    rate: float = 1.0
    spoken: bool = True
    steps: int = 1


def test_settings_take_words_for_texts_and_for_truths(tmp_path):
    files = SettingsFiles(Spoken, tmp_path, what="setting")
    path = tmp_path / "a.yaml"
    path.write_text("language: no\nshares: {on: 0.5, yes: 1e-3, 'off': 2}\nrate: 1e-3\nspoken: no\nsteps: 1_000\n")
    shares = {"on": 0.5, "yes": 1e-3, "off": 2.0}
    assert files.load(path) == Spoken(language="no", shares=shares, rate=1e-3, spoken=False, steps=1000)
    assert files.load(path, [Override("spoken", "on", "here", text=True)]).spoken
    assert files.load(path, [Override("language", "no", "here", text=True)]).language == "no"


@pytest.mark.parametrize("line", ["shares: {2019: 1.0}", "shares: {null: 1}", "5: 1", "language: 5"])
def test_settings_refuse_numbers_for_texts(tmp_path, line):
    path = tmp_path / "a.yaml"
    path.write_text(line)
    with pytest.raises(SettingsError, match=r"a\.yaml"):
        SettingsFiles(Spoken, tmp_path / "bundled", what="setting").load(path)
