from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.players import player_pages


@pytest.fixture(scope="package")  # a Playwright that is open keeps an event loop in this thread
def browser() -> Iterator[Browser]:
    found = chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found.executable, args=ARGUMENTS, env={**os.environ, **found.environment})
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """Where the page with the players is."""
    with player_pages() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    yield opened
    context.close()
