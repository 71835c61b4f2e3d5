"""The report in a real browser: nothing fails, words play from their times and light up, no serious finding of axe."""

import time

import pytest

from soundwave.report.page import write_report
from tests.soundwave.browsing import PATIENCE, chromium, needs_chromium, serious, watched
from tests.soundwave.report import small_workspace

pytestmark = needs_chromium
SCRIPT = "<script>document.title='taken'</script>"
CLIP = "#transcripts article[aria-label='Clip prompts-06']"
# Collects where the sound is and which words are lit after a word was clicked, however fast the machine is.
RECORD = f"""() => {{
  const clip = document.querySelector("{CLIP}"), audio = clip.querySelector('audio');
  window.seen = {{times: [], words: [], spans: 0, played: false}};
  audio.addEventListener('playing', () => {{ window.seen.played = true; }});
  audio.addEventListener('timeupdate', () => window.seen.times.push(audio.currentTime));
  for (const word of clip.querySelectorAll('.word')) new MutationObserver(() => {{
    if (!word.classList.contains('lit')) return;
    window.seen.words.push(word.textContent);
    window.seen.spans = Math.max(window.seen.spans, clip.querySelectorAll('.span.lit').length);
  }}).observe(word, {{attributes: true, attributeFilter: ['class']}});
}}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A report over a workspace whose held-out text is a script, as a file."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_workspace, "WORDS", (*small_workspace.WORDS[:4], SCRIPT))
        small_workspace.small_workspace(folder)
    return write_report(folder, folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(address, browser):
    """The report; what goes wrong in it fails the test."""
    page, wrong = watched(browser, (address, "data:audio/mpeg"), viewport={"width": 1600, "height": 900})
    page.goto(address)
    yield page
    page.close()
    assert wrong == []


def heard(page, until):
    """What was seen once the sound has come to `until` seconds."""
    end = time.monotonic() + PATIENCE / 1000
    seen = page.evaluate("window.seen")
    while max(seen["times"], default=0) < until and time.monotonic() < end:
        page.wait_for_timeout(50)
        seen = page.evaluate("window.seen")
    return seen


def test_a_clicked_word_plays_from_its_time_and_words_light_up(page):
    page.evaluate(RECORD)
    page.click(f"{CLIP} .word:text-is('to')")
    seen = heard(page, 1.2)
    assert seen["played"] and seen["spans"] == 1
    assert min(seen["times"]) >= 0.55 and max(seen["times"]) >= 1.2
    lit = list(dict.fromkeys(seen["words"]))
    assert lit and lit == [word for word in ("to", "listen", SCRIPT) if word in lit], "in order, and none before it"
    page.click(f"{CLIP} .wave", position={"x": 4, "y": 20})
    page.wait_for_function(f"""document.querySelector("{CLIP} audio").currentTime < 0.5""")


def test_one_clip_plays_at_a_time(page):
    playing = "[...document.querySelectorAll('audio')].filter(audio => !audio.paused && !audio.ended).length"
    page.evaluate("window.most = 0")
    page.evaluate(
        f"for (const audio of document.querySelectorAll('audio')) {{ audio.loop = true; audio.addEventListener("
        f"'playing', () => {{ window.most = Math.max(window.most, {playing}); }}); }}"
    )
    count = page.locator("audio").count()
    assert count >= 4
    for place in range(count):
        page.evaluate("place => document.querySelectorAll('audio')[place].play()", place)
    assert page.evaluate("window.most") == 1 and page.evaluate(playing) == 1


def test_texts_of_others_are_text(page):
    assert page.title() == "Soundwave: " + page.locator(".eyebrow code").inner_text()
    assert page.locator("body script").count() == 1
    assert SCRIPT in page.locator(f"{CLIP} .words").inner_text()


def test_keys_go_from_word_to_word(page):
    page.evaluate(RECORD)
    page.focus(f"{CLIP} .word >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "to"
    page.keyboard.press("Enter")
    assert min(heard(page, 0.8)["times"]) >= 0.55
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.textContent") == SCRIPT
    assert page.locator(f"{CLIP} .word[tabindex='0']").count() == 1


def test_narrow_and_wide_and_dark(page):
    for scheme, width in (("light", 1600), ("light", 380), ("dark", 380), ("dark", 1600)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
        if (scheme, width) in (("light", 1600), ("dark", 380)):
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            assert serious(page) == [], (scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)


def test_it_prints_without_players(page):
    page.emulate_media(media="print")
    assert page.locator("audio:visible, nav:visible").count() == 0
    assert page.locator(f"{CLIP} .words").is_visible() and page.locator(f"{CLIP} .wave").is_visible()
    assert page.locator(f"{CLIP} del").first.is_visible(), "what was heard, with its differences"
