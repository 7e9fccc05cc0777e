"""Looks at a page as it is shown: whether people can use it, and whether it jumps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Error, Page

from tests.browser.site.serving import AXE

THEMES: Final = ("dark", "light")
WIDTHS: Final = (1280, 390)
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

SHIFT_LIMIT: Final = 0.02
"""Of layout shift (web.dev/cls), where 0.1 is called good."""

SHIFTS: Final = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const what = entry.sources.map(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement)?.outerHTML?.slice(0, 120));
    if (!entry.hadRecentInput) window.shifts.push([entry.value, what]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


SCREENSHOTS: Final = Path(__file__).parents[3] / "artifacts" / "screenshots"
"""One of each page as a test left it, to be looked at; git ignores them."""


def photograph(page: Page, test: str, number: int = 0) -> None:
    """Keep a screenshot of a page under the name of its test; one that is gone has none."""
    name = re.sub(r"[^\w.-]+", "-", test).strip("-")[:150]
    try:
        page.screenshot(path=SCREENSHOTS / f"{name}{f'-{number}' if number else ''}.jpg", type="jpeg", quality=70, timeout=5000)
    except Error:
        return


class Axe:
    """Looks for what keeps people from using a page."""

    def __init__(self) -> None:
        self._source = AXE.read_text()

    def __call__(self, page: Page, *, without: tuple[str, ...] = ()) -> None:
        """Find nothing on the page as it is now."""
        if not page.evaluate("() => !!window.axe"):
            page.evaluate(self._source)
        options = {"runOnly": {"type": "tag", "values": RULES}, "rules": {rule: {"enabled": False} for rule in without}}
        found = page.evaluate("options => axe.run(document, options)", options)
        wrong = [
            f"{violation['id']}: {violation['help']}\n    {node['html'][:300]}\n    {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
        assert not wrong, f"{page.url}\n" + "\n".join(wrong)

    def everywhere(self, page: Page, *, without: tuple[str, ...] = ()) -> None:
        """Find nothing in both themes, on a wide screen and on a phone; and nothing that a phone would have to scroll sideways."""
        page.locator("h1").first.wait_for(state="attached")  # the page, not what it begins as
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            for theme in THEMES:
                page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
                self(page, without=without)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, f"{page.url} is wider than {width} px"


def assert_still(page: Page) -> None:
    """Find that the page has not jumped by itself since it was opened."""
    page.wait_for_timeout(100)
    shifts: list[Any] = page.evaluate("() => window.shifts")
    assert sum(value for value, _ in shifts) <= SHIFT_LIMIT, shifts
