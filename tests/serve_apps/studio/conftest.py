from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at once: no test waits for a poll."""
    monkeypatch.setattr("serve_apps.studio.runner.POLL_S", 0.02)
    monkeypatch.setattr("serve_apps.studio.service.WATCH_EVERY_S", 0.02)
    monkeypatch.setattr("serve_apps.studio.production.PROGRESS_EVERY_S", 0.05)
