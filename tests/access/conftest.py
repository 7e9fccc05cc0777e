"""One whole Matinee for all tests of access; each test makes people and titles of its own in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.whole import people
from tests.whole.composition import Whole, running
from tests.whole.people import Person


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("whole")) as whole:
        whole.encoders.gates["probe"] = asyncio.Event()  # jobs wait to be cancelled
        yield whole


@pytest.fixture(scope="package")
def operator(whole: Whole) -> Person:
    return whole.run(people.operator(whole))
