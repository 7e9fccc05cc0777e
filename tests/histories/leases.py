"""Players that fight for the streams of a few accounts, and when each was told that it may play.

A stream is certainly live from the answer to its start, or to a heartbeat, until a lease after that call was made; a stop, or another
start on its device, ends it at the moment when it is asked for. Owners whose clocks differ may end a lease earlier by that difference.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from actors.sessions.client import Sessions
from actors.sessions.stream import Beat, Start, Stop
from actors.sessions.tables import STREAM
from cluster.durable import Store
from cluster.errors import Unavailable
from tests.actors.sessions.world import beat, start, stop
from tests.histories.history import History, Operation, Outcome

LIMIT: Final = 2
DEVICES: Final = 4
BEATS: Final = 4


class Span(msgspec.Struct, frozen=True, order=True):
    """A time in which a session was certainly live."""

    from_ns: int
    until_ns: int
    session_id: str


def spans(operations: Sequence[Operation], lease_s: float) -> list[Span]:
    """Return when the sessions of an account were live as far as their players were told."""
    ends: dict[str, int] = {}
    starts = sorted((each for each in operations if isinstance(each.asked, Start)), key=lambda each: each.invoked_ns)
    for one, other in itertools.permutations(starts, 2):
        if one.asked.device_id == other.asked.device_id and other.completed_ns > one.invoked_ns:
            _end(ends, one.asked.session_id, max(other.invoked_ns, one.invoked_ns))
    for operation in operations:
        if isinstance(operation.asked, Stop):
            _end(ends, operation.asked.session_id, operation.invoked_ns)
    found = []
    for operation in operations:
        if operation.outcome is Outcome.OK and isinstance(operation.asked, Start | Beat):
            session_id, until_ns = operation.asked.session_id, operation.invoked_ns + round(lease_s * 1e9)
            until_ns = min(until_ns, ends.get(session_id, until_ns))
            if until_ns > operation.completed_ns:
                found.append(Span(operation.completed_ns, until_ns, session_id))
    return found


def too_many(operations: Sequence[Operation], limit: int, lease_s: float) -> list[str]:
    """Return the moments at which an account had more live streams than its limit."""
    faults = []
    for key in sorted({operation.key for operation in operations}):
        live = spans([operation for operation in operations if operation.key == key], lease_s)
        for span in live:
            at_once = {each.session_id for each in live if each.from_ns <= span.from_ns < each.until_ns}
            if len(at_once) > limit:
                faults.append(f"{key} had {len(at_once)} live streams at {span.from_ns / 1e9:.3f}: {', '.join(sorted(at_once))}")
    return faults


def _end(ends: dict[str, int], session_id: str, at_ns: int) -> None:
    ends[session_id] = min(at_ns, ends.get(session_id, at_ns))


class Streams:
    """The workload: the devices of each account start, beat, and stop or fall silent, each time through another owner."""

    name = f"playback sessions, at most {LIMIT} of an account"

    def __init__(self, owners: Sequence[Sessions], streams: Store, accounts: Sequence[str], lease_s: float, seed: int) -> None:
        self.history = History()
        self._owners, self._streams, self._accounts = owners, streams, accounts
        self._lease_s = lease_s
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._rows: list[str] = []
        self._favoured = owners[0]

    async def run(self, ending: Callable[[], bool]) -> None:
        """Play until `ending`."""
        devices = [self._device(account, f"device-{number}", ending) for account in self._accounts for number in range(DEVICES)]
        await asyncio.gather(*devices, self._look(ending))

    def faults(self) -> list[str]:
        """Return the moments with more streams than the limit, as players were told and as the store had it."""
        return [*too_many(self.history.operations, LIMIT, self._lease_s), *self._rows]

    def judged(self) -> str:
        """Say what was judged."""
        starts = [each for each in self.history.operations if isinstance(each.asked, Start)]
        granted = sum(each.outcome is Outcome.OK for each in starts)
        return f"{len(starts)} starts, {granted} granted, never more than {LIMIT} live"

    async def _device(self, account: str, device: str, ending: Callable[[], bool]) -> None:
        while not ending():
            asked = start(f"{account}-{next(self._numbers)}", account=account, device=device, limit=LIMIT)
            began = await self._ask(account, asked, lambda owner: owner.start(asked))  # noqa: B023
            if began.outcome is Outcome.OK:
                await self._play(account, asked, ending)
            await asyncio.sleep(self._random.uniform(0.0, self._lease_s / 4))

    async def _play(self, account: str, asked: Start, ending: Callable[[], bool]) -> None:
        for sequence in range(1, self._random.randint(1, BEATS)):
            if ending():
                return
            await asyncio.sleep(self._random.uniform(0.0, self._lease_s / 2))
            wish = beat(asked, sequence, float(sequence))
            await self._ask(account, wish, lambda owner: owner.beat(wish))  # noqa: B023
        if self._random.random() < 0.7:  # the others fall silent, and their leases run out
            end = stop(asked, 50.0)
            await self._ask(account, end, lambda owner: owner.stop(end))

    async def _ask(self, account: str, asked: Start | Beat | Stop, call: Callable[[Sessions], Awaitable[object]]) -> Operation:
        # Mostly one owner for a while, as when the others are late to notice: owners that take turns at each call get nothing done.
        if self._random.random() < 0.05:
            self._favoured = self._random.choice(self._owners)
        owner = self._favoured if self._random.random() < 0.9 else self._random.choice(self._owners)
        return await self.history.record(asked.device_id, account, asked, call(owner))

    async def _look(self, ending: Callable[[], bool]) -> None:
        while not ending():
            for account in self._accounts:
                try:
                    rows = await self._streams.scan(account, STREAM)
                except Unavailable:
                    continue
                if len(rows) > LIMIT:
                    self._rows.append(f"{account} has {len(rows)} rows of streams")
            await asyncio.sleep(0.1)
