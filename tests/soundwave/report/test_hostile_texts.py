"""Texts, ids, names and errors of strangers are text in the report, wherever it shows them."""

import re
from html.parser import HTMLParser

import pytest

from manifests.files import read_json, write_json, write_jsonl
from soundwave.report.page import render
from soundwave.report.workspace import open_workspace
from tests.soundwave.report import small_workspace

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img/src=x/onerror=alert(1)>',
    "</script></style></title></svg>",
    "{{7*7}}",
    "javascript:alert(1)",
)


class Shape(HTMLParser):
    """Tags, attributes and addresses of a page."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.addresses = set(), set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.addresses |= {value for name, value in attributes if name in ("href", "src", "xlink:href", "action")}


def hostile_workspace(folder, monkeypatch):
    monkeypatch.setattr(small_workspace, "WORDS", HOSTILE)
    small_workspace.small_workspace(folder)
    text = " ".join(HOSTILE)
    info = read_json(folder / "corpora" / "prompts" / "corpus.json")
    write_json(folder / "corpora" / "prompts" / "corpus.json", info | {"title": text, "makers": text, "license": text})
    for run in (folder / "ablation" / "runs").iterdir():
        heard = {"reference": text, "ctc": text, "llm": text}
        write_jsonl(run / "examples-test.jsonl", [{"id": text, **heard}])
        write_json(run / "environment.json", {"python": text, "packages": {text: text}})
    for path in folder.glob("ablation/*/grid.json"):
        write_json(path, read_json(path) | {"question": text, "next": text})
    for path in folder.glob("mixtures/*/lock.json"):
        write_json(path, read_json(path) | {"name": text, "notes": [text]})
    return folder


@pytest.fixture
def pages(workspace, tmp_path, monkeypatch):
    kind = render(open_workspace(workspace))
    return kind, render(open_workspace(hostile_workspace(tmp_path, monkeypatch)))


def test_hostile_texts_are_shown_as_text(pages):
    kind, hostile = map(Shape, pages)
    assert hostile.tags <= kind.tags
    scripts = [re.findall(r"<script.*?</script>", page, re.DOTALL) for page in pages]
    assert len(scripts[0]) == 1 and scripts[0] == scripts[1], "the page's own script, and no other"
    assert hostile.attributes <= kind.attributes and not [name for name in hostile.attributes if name.startswith("on")]
    assert not [one for one in hostile.addresses if not re.match(r"(#[\w-]*|data:audio/mpeg;base64,[\w+/=]*)$", one)]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[1] and "{{7*7}}" in pages[1]
