"""YAML that PyYAML takes for ever, or ends in an exception of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import SettingsError
from manifests.settings import read_yaml
from manifests.settings.core_yaml import load_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ODD = {
    "a key twice": ("a: 1\nb: {c: 1, c: 2}\n", "the key `c` stands twice"),
    "nested": ("a: " + "[" * 3000, "nested too deeply"),
    "a bomb": (BOMB, "more than 100,000 values"),
    "itself": ("a: &a [*a]\n", "stands inside what it names"),
    "half a pair": ('a: "\\ud800"\n', "surrogates"),
    "a tag": ("a: !!python/object:os.system x\n", "could not determine a constructor"),
    "an int": ("a: !!int x\n", "invalid literal"),
    "a tag of a mapping": ("a: !!set [1]\n", "expected a mapping"),
    "a null tag": ("!!map x", "expected a mapping"),
    "digits": (f"a: {'9' * 5000}\n", "digits"),
}


@pytest.mark.parametrize(("text", "said"), ODD.values(), ids=ODD)
def test_odd_yaml_is_told_with_the_files_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"mix\.yaml is not valid YAML: (.|\n)*{said}"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: 1\nb: \xff\n", r"not UTF-8 \(byte 0xff in line 2\)"),
        (b"a: \x00\n", "NUL character in line 1"),
        (b"\xff\xfea\0", "not UTF-8"),
        (b"a: " + b"x" * (1 << 20), "expected at most 1,048,576"),
    ],
)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=rf"mix\.yaml.*{said}"):
        read_yaml(path)


def test_what_yaml_allows_stays(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_bytes(b"\xef\xbb\xbfbase: &b {x: 1}\nmore: {<<: *b, x: 2}\nother: *b\n")
    assert read_yaml(path) == {"base": {"x": 1}, "more": {"x": 2}, "other": {"x": 1}}
    assert load_yaml("[1, {a: }]") == [1, {"a": None}]
