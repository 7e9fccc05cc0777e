"""Gives each contract test every adapter in turn."""

from pathlib import Path

import pytest

from tests.clock import Clock
from tests.contracts.adapters import ADAPTERS, Durables


@pytest.fixture(params=sorted(ADAPTERS))
def durables(request: pytest.FixtureRequest, tmp_path: Path) -> Durables:
    return ADAPTERS[request.param](tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()
