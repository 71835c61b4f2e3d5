"""A real browser (Debian's chromium, where it is installed), and what axe says of a page in it."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
PATIENCE = 120_000  # ms: how busy the machine is decides nothing
LOUD = {"error", "warning"}
_MUTED = set()


@contextmanager
def chromium():
    """The browser."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def watched(browser, allowed, **view):
    """(page, list of what goes wrong in it): errors, what the console says, requests for other than `allowed`."""
    page = browser.new_page(**view)
    page.set_default_timeout(PATIENCE)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in LOUD - _MUTED else None)
    page.on("request", lambda asked: wrong.append(asked.url[:200]) if not asked.url.startswith(allowed) else None)
    return page, wrong


def serious(page):
    """Serious findings of axe."""
    from axe_playwright_python.sync_playwright import Axe

    _MUTED.update(LOUD)  # axe tries styles of its own, which the policy forbids
    found = Axe().run(page).response["violations"]
    _MUTED.clear()
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
