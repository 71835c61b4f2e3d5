"""The page's files: what others wrote is what LICENSES.txt says, and nothing is fetched from elsewhere."""

import hashlib
import re

import soundwave.explore.server as server

VENDOR = server.PAGE / "vendor"


def test_what_others_wrote_is_pinned_with_its_licences():
    text = (VENDOR / "LICENSES.txt").read_text(encoding="utf-8")
    said = dict(re.findall(r"^([0-9a-f]{64})  (\S+)  \(", text, re.MULTILINE))
    found = {hashlib.sha256(path.read_bytes()).hexdigest(): path.name for path in VENDOR.glob("*.js")}
    assert said == found and len(found) == 5
    for package in ("wavesurfer.js 8", "vega 6", "vega-lite 6", "vega-interpreter 2", "d3-array 3"):
        assert f"\n{package}" in text


def test_our_scripts_make_no_markup_of_text_and_import_only_what_is_there():
    scripts = [path for path in server.PAGE.rglob("*.js") if VENDOR not in path.parents]
    assert len(scripts) >= 9
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|https?://(?!vega\.github\.io/schema)",
            text,
        ), path
        imported = re.findall(r"from '(\.[^']+)'", text)
        assert all((path.parent / name).is_file() for name in imported), path
