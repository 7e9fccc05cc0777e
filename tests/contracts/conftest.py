"""Gives each contract test every adapter in turn."""

import pytest

from tests.clock import Clock
from tests.contracts.adapters import LOGS, STORES


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request))


@pytest.fixture(params=LOGS)
def log_url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request))


@pytest.fixture
def clock() -> Clock:
    return Clock()
