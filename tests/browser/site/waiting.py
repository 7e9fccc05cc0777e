"""Waits for what a page is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Page

T = TypeVar("T")


def eventually(page: Page, look: Callable[[], T], timeout_s: float = 30.0) -> T:
    """Return what `look` finds once that is true; meanwhile the page goes on and its requests are answered."""
    ends_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < ends_s, f"not within {timeout_s:g} s"
        page.wait_for_timeout(50)
    return found
