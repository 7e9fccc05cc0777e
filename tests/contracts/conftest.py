"""Gives each contract test every adapter in turn."""

import pytest

from tests.clock import Clock
from tests.contracts.adapters import LOGS, STORES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, adapters in (("store_url", STORES), ("log_url", LOGS)):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, adapters[metafunc.config.getoption("nodes")], indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request))


@pytest.fixture
def log_url(request: pytest.FixtureRequest) -> str:
    return str(request.param(request))


@pytest.fixture
def clock() -> Clock:
    return Clock()
