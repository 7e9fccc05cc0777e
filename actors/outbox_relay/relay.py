"""Finds what outboxes hold, and has it published.

Main path: a nudge -> its partition is published at once. A sweep each second finds by the hints what nobody nudged for.
Refuses to know how a partition is published, what the facts mean, and who commits them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, Final

import structlog

from actors.outbox_relay import policy
from actors.outbox_relay.policy import Look
from actors.outbox_relay.publisher import LogDown, Publisher
from cluster.durable import TOGETHER_LIMIT, LogFactory, Store, StoreFactory, Table
from cluster.durable.outbox import BUCKETS, KEPT_S, Hint, Hints
from cluster.errors import MatineeError

log = structlog.get_logger()

SWEPT_AT_ONCE: Final = 8
NUDGED_AT_ONCE: Final = 4
"""So many groups of nudges: those that come meanwhile share the next one."""
NUDGED_LIMIT: Final = 10_000
"""How many nudges wait at most; the sweeps find the others."""


class OutboxRelay:
    """Owns the hints of its buckets; each bucket has one relay.

    Survives a crash: everything committed, and per bucket a cursor up to which all is published. What was appended but not yet deleted
    is appended again: readers recognise it by its entity_version. Repeated calls publish what is there to publish, once.
    Undecorated on purpose: tests build it in process, without Ray.
    """

    def __init__(
        self,
        open_hints: StoreFactory,
        open_table: Callable[[Table], Awaitable[Store]],
        open_log: LogFactory,
        now_s: Callable[[], float] = time.time,
        buckets: Sequence[int] = range(BUCKETS),
    ) -> None:
        self._open_hints, self._publisher, self._now_s = open_hints, Publisher(open_table, open_log), now_s
        self._buckets = list(buckets)
        self._sweeping = asyncio.Lock()
        self._hints: Hints | None = None
        self._cursors: dict[int, int] = {}
        self._looks: dict[tuple[int, int], dict[str, Look]] = {}
        self._late_at_s = -math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged: dict[str, tuple[Hint, bool]] = {}
        self._following: set[asyncio.Task[None]] = set()

    async def run_once(self) -> int:
        """Publish everything that any hint of these buckets leads to; return how many facts.

        Raises:
            StoreUnavailable: hints cannot be read, or the log takes nothing. A single partition that cannot be published raises nothing
                and is tried again.
            Misconfigured: the log cannot be opened.
        """
        return await self._sweep(patient=False, late=True)

    async def run(self) -> None:
        """Follow each nudge at once and sweep each second, until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                began_s, failed = time.monotonic(), False
                late = not 0 <= self._now_s() - self._late_at_s < policy.LATE_INTERVAL_S
                try:
                    await self._sweep(patient=True, late=late)
                except Exception as error:  # the relay must outlive whatever one sweep meets
                    log.warning("outbox sweep failed", error=repr(error))
                    failed = True
                await asyncio.sleep(policy.pause_s(time.monotonic() - began_s, failed=failed))
        finally:
            self._loop = None
            for task in self._following:
                task.cancel()

    def nudge(self, hint: Hint, settled: bool) -> None:
        """Have a running relay look at a hint's partition at once; from any thread.

        `settled` says that nothing more comes of this hint: once it is looked at, the sweeps pass it over.
        """
        loop = self._loop
        if loop is not None and hint.bucket in self._buckets:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._take, hint, settled)

    async def close(self) -> None:
        """Close the stores and the log."""
        await asyncio.gather(*self._following, return_exceptions=True)
        async with self._sweeping:
            if self._hints is not None:
                await self._hints.close()
                self._hints = None
            await self._publisher.close()

    def _take(self, hint: Hint, settled: bool) -> None:
        if self._loop is None or self._publisher.log_is_away or len(self._nudged) >= NUDGED_LIMIT:
            return
        self._nudged[hint.sort] = hint, settled
        if len(self._following) < NUDGED_AT_ONCE:
            task = self._loop.create_task(self._follow(), name="follow nudges")
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def _follow(self) -> None:
        while self._nudged:
            nudged = [self._nudged.pop(sort) for sort in list(islice(self._nudged, TOGETHER_LIMIT))]
            try:
                await self._look([hint for hint, _ in nudged], self._now_s(), [hint for hint, settled in nudged if settled])
            except LogDown:
                self._nudged.clear()
            except Exception as error:
                log.warning("outboxes not published", hints=len(nudged), error=repr(error))

    async def _sweep(self, *, patient: bool, late: bool) -> int:
        async with self._sweeping:
            hints, now_s = await self._open(), self._now_s()
            first_live = policy.first_live_slot(now_s)
            live = await hints.slots(first_live if late else policy.first_fresh_slot(now_s), policy.LIVE_SLOTS)
            published = await self._sweep_slots(hints, live, now_s, patient=patient)
            while late:
                first = min(self._cursors[bucket] for bucket in self._buckets)
                old = [slot for slot in await hints.slots(first, policy.BACKLOG_SLOTS) if slot < first_live]
                if old:
                    published += await self._sweep_slots(hints, old, now_s, patient=False)
                    await self._pass(hints, old, now_s)
                late = len(old) == policy.BACKLOG_SLOTS and not patient
                self._looks = {place: looks for place, looks in self._looks.items() if place[1] >= first_live}
                self._late_at_s = -math.inf if len(old) == policy.BACKLOG_SLOTS else now_s
            return published

    async def _sweep_slots(self, hints: Hints, slots: Sequence[int], now_s: float, *, patient: bool) -> int:
        turns = asyncio.Semaphore(SWEPT_AT_ONCE)

        async def sweep_one(bucket: int) -> int:
            published = 0
            for slot in slots:
                async with turns:
                    found = await hints.of(bucket, slot)
                    due = [hint for hint in found if policy.is_due(hint, self._last(hint), now_s, patient=patient)]
                    for some in range(0, len(due), TOGETHER_LIMIT):
                        published += await self._look(due[some : some + TOGETHER_LIMIT], now_s)
            return published

        return await _all(map(sweep_one, self._buckets)) if slots else 0

    async def _pass(self, hints: Hints, slots: Sequence[int], now_s: float) -> None:
        """Move the cursors past slots that were swept and that no more hints come to."""
        places = [(bucket, slot) for bucket in self._buckets for slot in slots]
        looks = [look for place in places for look in self._looks.pop(place, {}).values()]
        for look in looks:
            if look.failed:
                # Written again where the next sweeps find it: one partition that cannot be published does not hold up its bucket.
                await hints.write(Hint(look.hint.table, look.hint.partition, now_s))
        moved = dict.fromkeys(self._buckets, slots[-1] + 1)
        behind = min((dict(enumerate(await hints.cursors())) | moved).values())
        await hints.retire([look.hint for look in looks], [slot for slot in slots if slot < behind], now_s + KEPT_S)
        await hints.move_cursors(self._buckets, slots[-1] + 1)
        self._cursors.update(moved)

    async def _look(self, hints: Sequence[Hint], now_s: float, settled: Collection[Hint] = ()) -> int:
        """Publish what some hints lead to, and note that they were looked at."""
        published, by_table = 0, dict[Table, list[Hint]]()
        for hint in hints:
            by_table.setdefault(hint.table, []).append(hint)
        for table, of_table in by_table.items():
            count, failed = await self._publish(table, dict.fromkeys(hint.partition for hint in of_table))
            published += count
            for hint in of_table:
                last = self._last(hint)
                done = hint in settled or (last is not None and last.settled and last.hint.version == hint.version)
                look = Look(hint, now_s, hint.partition in failed, done)
                self._looks.setdefault((hint.bucket, hint.slot), {})[hint.sort] = look
        return published

    async def _publish(self, table: Table, partitions: Collection[str]) -> tuple[int, set[str]]:
        """Publish partitions of a table; return how many facts, and which partitions failed."""
        try:
            return await self._publisher.publish(table, partitions), set()
        except MatineeError as error:
            if len(partitions) == 1:
                log.warning("outbox not published", table=table.name, partition=next(iter(partitions)), error=repr(error))
                return 0, set(partitions)
        published, failed = 0, set[str]()
        for partition in partitions:  # each by itself: one must not keep off the others
            count, also_failed = await self._publish(table, [partition])
            published, failed = published + count, failed | also_failed
        return published, failed

    def _last(self, hint: Hint) -> Look | None:
        return self._looks.get((hint.bucket, hint.slot), {}).get(hint.sort)

    async def _open(self) -> Hints:
        if self._hints is None:
            hints = Hints(await self._open_hints())
            self._cursors = dict(enumerate(await hints.cursors()))
            self._hints = hints
        return self._hints


async def _all(counts: Iterable[Coroutine[Any, Any, int]]) -> int:
    """Await every one and return their sum; the first error ends them all and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(count) for count in counts]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise (first.__cause__ if isinstance(first, LogDown) and first.__cause__ else first) from None
    return sum(task.result() for task in tasks)
