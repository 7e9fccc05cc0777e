"""A replica answers what it offers to other services, as part of their trace and of their time."""

from __future__ import annotations

import asyncio
import math

import pytest

from cluster.errors import ServiceUnavailable
from cluster.resilience import remaining_s
from serve_apps.serving import Replica
from serve_apps.trace import Trace, current


class Telling:
    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> None: ...

    async def told(self, word: str) -> tuple[str, Trace]:
        return word, current()

    async def left_s(self) -> float:
        return remaining_s()

    async def hidden(self) -> None: ...


async def nothing(*_: object) -> None: ...


def test_a_call_is_answered_as_part_of_the_callers_trace() -> None:
    async def main() -> None:
        replica, trace = Replica(), {"request_id": "mine-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
        await replica.serve(Telling(), nothing, frozenset({"told"}))
        assert await replica.call("told", "word", trace=trace) == ("word", trace)
        assert await replica.call("told", "word") == ("word", {})
        with pytest.raises(ServiceUnavailable):
            await replica.call("hidden")

    asyncio.run(main())


def test_a_call_has_what_is_left_of_the_callers_time() -> None:
    async def main() -> None:
        replica = Replica()
        await replica.serve(Telling(), nothing, frozenset({"left_s"}))
        assert 0.0 < await replica.call("left_s", left_s=2.0) <= 2.0
        assert await replica.call("left_s") == math.inf

    asyncio.run(main())
