"""Links of README, CHANGELOG and docs/ lead to files and headings that are there; no site is built for it."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(text):
    return [link for link in LINK.findall(CODE.sub("", text)) if not re.match(r"[a-z]+:", link)]


def anchors(text):
    """What a heading is called in addresses: small letters, digits and dashes."""
    bare = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[\s]", "-", re.sub(r"[^\w\s-]", "", title.strip().lower())) for title in HEADING.findall(bare)}


def broken(page, text):
    for link in links(text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{page.name}: {link}: no such file"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{page.name}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert not list(broken(page, page.read_text(encoding="utf-8")))


def test_broken_links_are_found():
    page = ROOT / "docs" / "index.md"
    text = "[a](nothing.md) [b](tutorial.md#no-such-heading) [c](tutorial.md) `[d](code.md)` [e](https://example.org/x)"
    assert len(list(broken(page, text))) == 2


def test_there_are_links_at_all():
    assert sum(len(links(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


def test_the_site_has_every_page_once():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    named = [page for section in nav for pages in section.values() for page in pages]
    assert sorted(named) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
