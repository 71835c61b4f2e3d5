"""Mutations of files: of bytes, lines, words, and of the JSON and YAML in them. One random decides all."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import yaml

LONG = 20 << 20  # bytes of a very long line
MOST = 100_000  # bytes of YAML that is parsed to be changed
MARK = "\ue000odd\ue000"  # stands for a piece of raw JSON while the rest is written
RAW = (
    *("null", "true", "false", "0", "-1", "1.5", "-0.0", "1e400", "-1e400", "1e-400", "1e308", "NaN", "-Infinity"),
    *("9223372036854775808", "9" * 400, "9" * 5000, '""', '" "', '"x"', '"\\ud800"', '"\\u0000"', '"\\ud83d\\ude00"'),
    *("[]", "{}", "[null]", "[[]]", '{"a": 1, "a": 2}', "[" * 99 + "]" * 99, "[" * 5000 + "]" * 5000),
    *('{"a":' * 3000 + "1" + "}" * 3000, "'x'", "1_000", "0x10", ".5", "1.", "+1", "01", "nan", "inf", "nul", "[1,]"),
    *('"1"', '"true"', '"\t"', '"\\x41"', '"\u2028"', '"\u0130\u0300"', '"../../x"', '"/"', '"' + "y" * 70_000 + '"'),
    *('"[/x]"', '"\\u001b[31m"', '"a\\nb"', "[1, 2]", '["a", 1]', '{"x": null}'),
)
WORDS = (
    *(
        "",
        " ",
        "\t",
        "0",
        "-1",
        "1e400",
        "nan",
        "inf",
        "9" * 400,
        "1_0",
        "\u0661",
        "\x00",
        "\x1b[31m",
        "\ufeff",
        "\u2028",
    ),
    *(
        "\u0085",
        "\x0b",
        "\r",
        "\x1c",
        "'",
        '"',
        "\\",
        "|",
        "../..",
        "/",
        "~",
        ":",
        ",",
        "a b",
        "%s",
        "{}",
        "[/x]",
        "x" * 5000,
    ),
    *(
        "\u0301",
        "\u202e",
        "\U0001f600",
        "\ud83d",
        "null",
        "true",
        "- x",
        "&a",
        "*a",
        "!!python/object:os.system",
        "---",
    ),
)
BYTES = (
    *(
        b"\x00",
        b"\xff",
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
    ),
    *(b"\n", b"\r", b"\r\n", b"\xe2\x80\xa8", b"\x1a", b"{", b"[", b'"', b"\\", b"PAR1", b"RIFF", b"\x7f\xff\xff\xff"),
)


def mutate(data: bytes, form: str, packed: bool, rng: Random) -> bytes:
    """The bytes of a file, changed.

    Args:
        data: as the file is.
        form: what it holds: `bytes`, `text`, `json`, `jsonl` or `yaml`.
        packed: whether it is gzip.
        rng: decides.
    """
    if packed and rng.random() < 0.75:
        return gzip.compress(mutate(gzip.decompress(data), form, False, rng), compresslevel=1, mtime=0)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = _once(data, "bytes" if packed else form, rng)
    return data


def _once(data: bytes, form: str, rng: Random) -> bytes:
    if form != "bytes" and rng.random() < 0.65:
        changed = rng.choice(_WAYS[form])(data, rng)
        if changed is not None:
            return changed
    return rng.choice(_BYTES if form != "bytes" or rng.random() < 0.5 else _FLIPS)(data, rng)


# Bytes


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 8, 64, 1000)))


def _flip(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 4)) if data else 0):
        changed[_place(len(data), rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _place(size: int, rng: Random) -> int:
    """Heads and tails of files hold most of what matters."""
    near = rng.randrange(min(size, 200))
    return rng.choice((rng.randrange(size), near, size - 1 - near))


def _put(data: bytes, rng: Random) -> bytes:
    at = _place(len(data), rng) if data else 0
    new = bytes(rng.randrange(256) for _ in range(rng.choice((1, 2, 4))))
    return data[:at] + new + data[at + len(new) :]


def _zero(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: _place(len(data), rng)] if data else data


def _empty(data: bytes, rng: Random) -> bytes:
    return rng.choice((b"", b"", b"\n", b"\x00" * len(data), b" "))


def _insert(data: bytes, rng: Random) -> bytes:
    at = rng.choice((0, len(data), rng.randrange(len(data) + 1)))
    return data[:at] + rng.choice(BYTES) + data[at:]


def _remove(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 1, 20)) + data[end:]


def _swap(data: bytes, rng: Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _append(data: bytes, rng: Random) -> bytes:
    return data + rng.choice((data, rng.randbytes(rng.choice((1, 100))), data[: len(data) // 2]))


_FLIPS: tuple[Callable[[bytes, Random], bytes], ...] = (_flip, _flip, _put, _zero, _cut)
_BYTES = (*_FLIPS, _empty, _insert, _insert, _remove, _repeat, _swap, _append)


# Text


def _lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def _line(data: bytes, rng: Random) -> bytes:
    found = _lines(data)
    at, other = rng.randrange(len(found)), rng.randrange(len(found))
    way = rng.randrange(6)
    if way == 0:
        found.insert(other, found[at])
    elif way == 1:
        del found[at]
    elif way == 2:
        found[at], found[other] = found[other], found[at]
    elif way == 3:
        found[at] = b""
    elif way == 4:
        found[at] += found[other]
    else:
        found.insert(at, rng.choice(WORDS).encode("utf-8", "surrogatepass"))
    return b"\n".join(found)


def _word(data: bytes, rng: Random) -> bytes:
    """A word, or what parts two words, becomes another."""
    found = list(re.finditer(rng.choice((rb"[^\s,:=|]+", rb"[\s,:=|]+", rb"[\d.]+")), data))
    if not found:
        return data
    match = rng.choice(found)
    new = rng.choice(WORDS).encode("utf-8", "surrogatepass")
    return data[: match.start()] + new + data[match.end() :]


def _long(data: bytes, rng: Random) -> bytes | None:
    """A line that no memory should be asked for; rarely, since it takes time."""
    if rng.random() > 0.02:
        return None
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice((b"x", b"x ", b"[", b"\xc3\xa9")) * (LONG // 2) + data[at:]


# JSON and YAML


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value: the holder and the key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _nodes(value[key])


def _odd_json(text: str, rng: Random) -> str | None:
    """A JSON value with something else at one place."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    places = list(_nodes(value))
    raw = rng.choice(RAW)
    way = rng.randrange(7)
    if not places or way == 0:
        return raw if rng.random() < 0.3 else None
    holder, key = rng.choice(places)
    if way == 1:
        del holder[key]
    elif way == 2 and isinstance(holder, dict):
        holder[rng.choice(WORDS)] = holder.pop(key)
    elif way == 3 and isinstance(holder, dict):
        written = json.dumps(key)
        return json.dumps(value, ensure_ascii=False).replace(f"{written}:", f"{written}: {raw}, {written}:", 1)
    elif way == 4:
        other, name = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[name])) if not isinstance(other[name], dict | list) else MARK
    else:
        holder[key] = MARK
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).replace(json.dumps(MARK), raw).replace(f'"{MARK}"', raw)


def _json(data: bytes, rng: Random) -> bytes | None:
    changed = _odd_json(data.decode("utf-8", "replace"), rng)
    return None if changed is None else changed.encode("utf-8", "surrogatepass")


def _json_line(data: bytes, rng: Random) -> bytes | None:
    found = _lines(data)
    filled = [at for at, line in enumerate(found) if line]
    if not filled:
        return None
    at = rng.choice(filled)
    changed = _odd_json(found[at].decode("utf-8", "replace"), rng)
    if changed is None:
        return None
    found[at] = changed.encode("utf-8", "surrogatepass")
    return b"\n".join(found)


def _yaml(data: bytes, rng: Random) -> bytes | None:
    if b"*" in data or len(data) > MOST:  # it was mutated before: aliases may make too much of it
        return None
    try:
        value = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    places = list(_nodes(value))
    if not places:
        return None
    holder, key = rng.choice(places)
    way = rng.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[rng.choice((*WORDS, 1, None, True, 1.5))] = holder.pop(key)
    else:
        holder[key] = "ODDVALUE"
    odd = (
        *RAW,
        "no",
        "~",
        "2026-01-01",
        "12:30:45",
        "!!binary x",
        "&a [*a]",
        "*b",
        "? x",
        "|\n  x",
        "1e5",
        "0o17",
        "!!int x",
    )
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).replace("ODDVALUE", rng.choice(odd), 1)
    return text.encode("utf-8", "surrogatepass")


def _yaml_again(data: bytes, rng: Random) -> bytes:
    """A key twice, an alias that grows, or a nesting."""
    lines = [line for line in _lines(data) if b":" in line and not line.startswith((b" ", b"#", b"-"))]
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("j"))
    )
    return data + b"\n" + rng.choice((rng.choice(lines) if lines else b"x: 1", bomb, b"x: " + b"[" * 3000, b"<<: *x"))


_WAYS: dict[str, tuple[Callable[[bytes, Random], bytes | None], ...]] = {
    "text": (_line, _word, _word, _word, _long),
    "json": (_json, _json, _json, _word, _long),
    "jsonl": (_json_line, _json_line, _json_line, _line, _word, _long),
    "yaml": (_yaml, _yaml, _yaml_again, _line, _word, _word),
}
