"""The page in a real browser: every view, nothing said on the console, no serious finding of axe."""

import re
import shutil
import subprocess
import sys
import time

import pytest

from curation.catalog import connect
from curation.plan import load_mixture, make_plan
from tests.soundwave.browsing import PATIENCE, chromium, needs_chromium, serious, watched
from tests.soundwave.explore.explored import SCRIPT, SOUNDS

pytestmark = needs_chromium
REFUSED = re.compile(r"the server responded with a status of 422")  # the browser says so of an answer that says no
# Collects what the player shows after a word was clicked, however fast the machine is.
RECORD = """() => {
  const begin = () => { window.seen = {times: [], words: []}; };
  begin();
  document.querySelector('.words').addEventListener('click', begin, {capture: true});
  const time = document.querySelector('#player output');
  new MutationObserver(() => window.seen.times.push(parseFloat(time.textContent))).observe(time, {childList: true});
  for (const word of document.querySelectorAll('.word'))
    new MutationObserver(() => word.classList.contains('lit') && window.seen.words.push(word.textContent))
      .observe(word, {attributes: true});
}"""
# Collects when which spans were lit, each time that the player lights them.
LIT = """() => {
  window.seen = [];
  const spans = [...document.querySelectorAll('.lanes .span')], time = document.querySelector('#player output');
  document.querySelector('.lanes').addEventListener('click', () => { window.seen = []; }, {capture: true});
  new MutationObserver(() => window.seen.push([Number(time.dataset.now), spans.map(span => span.matches('.lit'))]))
    .observe(time, {childList: true});
}"""
# Where the first point of a chart was drawn: from the corner of its canvas.
POINT = """canvas => {
  const {view} = canvas.closest('.chart'), [left, top] = view.origin(), edge = view.padding();
  const find = (item, x, y) => {
    for (const mark of item.items ?? []) {
      const point = mark.marktype === 'symbol' && mark.items[0];
      if (point?.datum?.at !== undefined) return [x + point.x, y + point.y];
      for (const group of mark.marktype === 'group' ? mark.items : []) {
        const found = find(group, x + (group.x ?? 0), y + (group.y ?? 0));
        if (found) return found;
      }
    }
  };
  return find({items: [view.scenegraph().root]}, left + edge.left, top + edge.top);
}"""


@pytest.fixture(scope="module")
def served(explored, tmp_path_factory):
    """A workspace of its own, and the address that `soundwave explore` prints."""
    place = shutil.copytree(explored, tmp_path_factory.mktemp("served") / "workspace")
    words = [sys.executable, "-m", "soundwave", "explore", str(place), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield place, next(line.strip() for line in server.stdout if "?token=" in line)
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(served, browser):
    """The first page; what goes wrong in it fails the test."""
    _, address = served
    allowed = (address.partition("?")[0], "blob:", "data:")
    page, wrong = watched(browser, allowed, viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.wait_for_selector("tr[data-cut]")
    yield page
    page.close()
    assert [line for line in wrong if not REFUSED.search(line)] == []


def open_view(page, name, ready):
    page.click(f"nav a:text('{name}')")
    page.wait_for_selector(ready)


def test_filter_listen_and_mark(served, page):
    from playwright.sync_api import expect

    place, _ = served
    page.fill("#where", "quality_snr = 1")
    page.click("button:text('Filter')")
    expect(page.locator(".status")).to_contain_text("1 cuts")
    page.click("tr[data-cut='prompts-01'] button")
    page.wait_for_selector(".sound[data-ready]")
    expect(page.locator("#player .text")).to_have_text(SCRIPT)
    assert page.locator("main b, #player b").count() == 0 and page.title() == "Cuts · soundwave"
    page.evaluate(RECORD)
    page.click(".word:text('to')")
    end, seen = time.monotonic() + PATIENCE / 1000, {"times": [0], "words": []}
    while max(seen["times"], default=0) < 1.2 and time.monotonic() < end:
        page.wait_for_timeout(100)
        seen = page.evaluate("window.seen")
    assert 0.6 <= min(seen["times"]) <= max(seen["times"]), "it begins with the word that was clicked"
    assert max(seen["times"]) >= 1.2 and not {"press", "one"} & set(seen["words"])
    page.fill(".review input", "a <b>bold</b> note")
    page.click("[data-mark='wrong_text']")
    expect(page.locator(".review [role=status]")).to_have_text("Marked Wrong text")
    page.fill(".right textarea", "press <one> now")
    page.click("button:text('Keep this text')")
    expect(page.locator(".review [role=status]")).to_contain_text("what is said: press <one> now")
    expect(page.locator("tr[data-cut='prompts-01'] td.mark")).to_have_text("wrong_text")
    with connect(place / "catalog") as con:
        rows = con.execute("SELECT cut_id, mark, note, right_text FROM reviews").fetchall()
    assert rows == [("prompts-01", "wrong_text", "a <b>bold</b> note", "press <one> now")]
    assert serious(page) == []


def test_sounds_light_only_while_they_sound_and_play_from_their_start(page):
    page.click("tr[data-cut='prompts-03'] button")
    page.wait_for_selector(".sound[data-ready]")
    spans = page.locator(".lanes .span")
    assert spans.all_inner_texts() == ["Dog", "Rain", "Dog"]
    boxes = [spans.nth(n).bounding_box() for n in range(3)]
    wave = page.locator(".wave").bounding_box()
    for box, (_, start, duration) in zip(boxes, SOUNDS, strict=True):
        assert box["x"] == pytest.approx(wave["x"] + wave["width"] * start / 1.5, abs=2)
        assert box["width"] == pytest.approx(wave["width"] * duration / 1.5, abs=2)
    shown = page.evaluate("""() => [...document.querySelectorAll('.lanes .span span')].map(span => {
      const {x, y, width, height} = span.getBoundingClientRect(); return {x, y, width, height};
    })""")
    for n, one in enumerate(shown):
        for other in shown[n + 1 :]:
            beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            assert beside or abs(one["y"] - other["y"]) >= 20, "no label covers another"
    assert boxes[0]["y"] != boxes[1]["y"], "they sound together"
    page.evaluate(LIT)
    spans.nth(1).click()
    end, seen = time.monotonic() + PATIENCE / 1000, []
    while not any(at >= 1.4 for at, _ in seen) and time.monotonic() < end:
        page.wait_for_timeout(100)
        seen = page.evaluate("window.seen")
    assert min(at for at, _ in seen) >= 0.5, "it begins where the rain does"
    for at, lit in seen:
        assert lit == [start <= at < start + duration for _, start, duration in SOUNDS], at
    assert {tuple(lit) for _, lit in seen} >= {(True, True, False), (False, True, False)}
    assert serious(page) == []


def test_facets_brush_and_wrong_sql(page):
    from playwright.sync_api import expect

    page.check("[data-facet='split'][data-value='test']")
    expect(page.locator(".status")).to_contain_text("2 cuts")
    page.click(".chip")
    expect(page.locator(".status")).to_contain_text("8 cuts")
    page.wait_for_selector(".bins canvas")
    box = page.locator(".bins figure:has-text('quality snr') canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 8, box["y"] + 30, steps=5)
    page.mouse.up()
    expect(page.locator(".chip")).to_contain_text("quality_snr")
    expect(page.locator(".status")).not_to_contain_text("8 cuts")
    page.click("button:text('Clear')")
    page.fill("#where", "nowhere = <b>1</b>")
    page.click("button:text('Filter')")
    expect(page.locator("main .error")).to_contain_text("the filter")


def test_a_slider_changes_the_certificate_to_that_of_mix_plan(served, page, tmp_path):
    from playwright.sync_api import expect

    place, _ = served
    mixture = place / "mixtures" / "two.yaml"
    open_view(page, "Mixtures", "#mixture")
    page.select_option("#mixture", label=str(mixture))
    sha = page.locator("#plan-sha256")

    def planned(name, **changes):
        return make_plan(load_mixture(mixture, changes), place / "catalog", tmp_path / name).plan_sha256

    expect(sha).to_have_text(planned("as_it_is"))
    page.locator("#share-low").fill("0.25")
    expect(sha).to_have_text(planned("other", shares={"low": 0.25, "high": 0.5}))
    page.fill("#set-budget", "900")
    expect(page.locator("#certificate [role=alert]")).to_contain_text("900")
    page.click("button:text('As it was')")
    expect(sha).to_have_text(planned("as_it_is"))
    page.fill("#save-as", "mine")
    page.click("button:text('Save')")
    expect(page.locator("main [role=status]")).to_contain_text("soundwave mix plan")
    assert load_mixture(place / "mixtures" / "mine.yaml").sha256 == load_mixture(mixture).sha256
    assert serious(page) == []


def test_audits_and_studies(page):
    from playwright.sync_api import expect

    open_view(page, "Audits", "[data-audit='duration_rule']")
    expect(page.locator("[data-audit='duration_rule']")).to_have_text("7")
    page.click("button:text('duration rule')")
    page.click("section[aria-label='Rows'] button.listen >> nth=0")
    page.wait_for_selector(".sound[data-ready]")
    assert serious(page) == []
    open_view(page, "Studies", ".study canvas")
    expect(page.locator(".claims li").first).not_to_be_empty()
    page.click(".study button:text('runs') >> nth=0")
    expect(page.locator("section[aria-label='Behind a point of ladder']")).to_contain_text("run alignment-full")
    assert serious(page) == []
    page.click("section[aria-label='Behind a point of ladder'] a")
    page.wait_for_selector("tr[data-cut]")
    expect(page.locator(".chip")).to_contain_text("plan p1")


def test_surface_and_trade_off_lead_to_runs_plan_and_clips(page):
    """By mouse on the drawings, and by the tables below them."""
    from playwright.sync_api import expect

    open_view(page, "Studies", ".study canvas")
    ladder, shares = (page.locator(f"section.study[aria-label='{name}']") for name in ("ladder", "shares"))
    expect(ladder.locator("[aria-label^='Axes of']")).to_contain_text("no surface to draw")
    expect(ladder.locator("[aria-label^='Trade-off of']")).to_contain_text("One outcome has no trade-off.")
    assert ladder.locator("canvas").count() == 1, "nothing but the curve"
    behind = shares.locator("[aria-label^='Behind a point']")
    along, between = shares.locator("[aria-label^='Axes of']"), shares.locator("[aria-label^='Trade-off of']")
    expect(along.locator("canvas")).to_have_count(1)
    expect(between.locator("canvas")).to_have_count(1)
    expect(along).to_contain_text("best at")
    for drawing, said in (
        (shares.locator("> .chart"), "Behind full"),
        (along, "Behind 50 %"),
        (between, "Behind 100 %"),
    ):
        point = page.evaluate(POINT, drawing.locator("canvas").element_handle())
        drawing.locator("canvas").click(position={"x": point[0], "y": point[1]})
        expect(behind.locator("h3")).to_contain_text(said)
        expect(behind).to_contain_text("run alignment-full")
        behind.evaluate("section => section.replaceChildren()")
    along.locator("button:text('runs') >> nth=0").click()
    expect(behind.locator("strong")).to_have_count(2)
    behind.locator("button:text('its clips') >> nth=0").click()
    behind.locator("button.listen:has-text('prompts-07')").click()
    page.wait_for_selector(".sound[data-ready]")
    assert serious(page) == []
    shares.locator("select[id^=outcome]").select_option("sounds")
    expect(along.locator("figcaption")).to_contain_text("sounds along")
    between.locator("button:text('runs') >> nth=0").click()
    behind.locator("a:text('cuts of its plan') >> nth=0").click()
    page.wait_for_selector("tr[data-cut]")
    expect(page.locator(".chip")).to_contain_text("plan p1")


def test_narrow_and_wide_and_dark_and_by_keyboard(page):
    page.emulate_media(color_scheme="dark")
    for name, ready in (("Mixtures", "#certificate"), ("Studies", ".study canvas"), ("Cuts", "tr[data-cut]")):
        for width in (1600, 380):
            page.set_viewport_size({"width": width, "height": 800})
            open_view(page, name, ready)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.keyboard.press("j")
    page.wait_for_selector("#player h2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.wait_for_selector("#player", state="hidden")
