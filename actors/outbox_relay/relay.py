"""Publishes what outboxes hold.

Main path: a hint -> the partition's `outbox/` rows -> appended to the log in version order -> deleted.
Refuses to know what the facts mean, and who commits them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

import structlog

from actors.outbox_relay import policy
from actors.outbox_relay.policy import Look
from cluster.durable import Delete, Log, LogFactory, Row, Store, StoreFactory, Table
from cluster.durable.outbox import BUCKETS, KEPT_S, OUTBOX_PREFIX, Hint, Hints, read_event, topic_of
from cluster.errors import MatineeError, StorageFull, Unavailable, VersionConflict
from cluster.events import Event, Topic

log = structlog.get_logger()

_PAGE: Final = 100
_AT_ONCE: Final = 8


class _LogDown(Exception):
    """The log takes nothing now: no use in going on to the next partition."""


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
        self._open_hints, self._open_table, self._open_log, self._now_s = open_hints, open_table, open_log, now_s
        self._buckets = list(buckets)
        self._opening, self._sweeping = asyncio.Lock(), asyncio.Lock()
        self._hints: Hints | None = None
        self._log: Log | None = None
        self._tables: dict[Table, Store] = {}
        self._cursors: dict[int, int] = {}
        self._looks: dict[tuple[int, int], dict[str, Look]] = {}
        self._late_at_s = -math.inf
        self._nudged: set[int] = set()
        self._wake: Callable[[], object] = lambda: None

    async def run_once(self) -> int:
        """Publish everything that any hint of these buckets leads to; return how many facts.

        Raises:
            StoreUnavailable: hints cannot be read, or the log takes nothing. A single partition that cannot be published raises nothing
                and is tried again.
            Misconfigured: the log cannot be opened.
        """
        return await self._sweep(self._buckets, patient=False, late=True)

    async def run(self) -> None:
        """Sweep each second, and a nudged bucket at once, until cancelled."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        due_at_s = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(due_at_s - time.monotonic(), 0.0)):
                    await woken.wait()
            woken.clear()
            nudged, self._nudged = self._nudged, set()
            whole = time.monotonic() >= due_at_s
            late = whole and not 0 <= self._now_s() - self._late_at_s < policy.LATE_INTERVAL_S
            try:
                await self._sweep(self._buckets if whole else sorted(nudged), patient=True, late=late, nudged=frozenset(nudged))
            except Exception as error:  # the relay must outlive whatever one sweep meets
                log.warning("outbox sweep failed", error=repr(error))
            if whole:
                due_at_s = time.monotonic() + policy.SWEEP_INTERVAL_S

    def nudge(self, bucket: int) -> None:
        """Have a running relay look at a bucket at once; from any thread."""
        if bucket in self._buckets:
            self._nudged.add(bucket)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._wake()

    async def close(self) -> None:
        """Close the stores and the log."""
        async with self._sweeping, self._opening:
            opened = [store for store in (self._hints, self._log, *self._tables.values()) if store is not None]
            self._hints, self._log, self._tables = None, None, {}
            for store in opened:
                await store.close()

    async def _sweep(self, buckets: Sequence[int], *, patient: bool, late: bool, nudged: frozenset[int] = frozenset()) -> int:
        async with self._sweeping:
            hints, now_s = await self._open(), self._now_s()
            first_live = policy.first_live_slot(now_s)
            live = await hints.slots(first_live if late else policy.first_fresh_slot(now_s), policy.LIVE_SLOTS)
            published = await self._sweep_slots(hints, buckets, live, now_s, patient=patient, nudged=nudged)
            while late:
                first = min(self._cursors[bucket] for bucket in buckets)
                old = [slot for slot in await hints.slots(first, policy.BACKLOG_SLOTS) if slot < first_live]
                if old:
                    published += await self._sweep_slots(hints, buckets, old, now_s, patient=False)
                    await self._pass(hints, buckets, old, now_s)
                late = len(old) == policy.BACKLOG_SLOTS and not patient
                self._looks = {place: looks for place, looks in self._looks.items() if place[1] >= first_live}
                self._late_at_s = -math.inf if len(old) == policy.BACKLOG_SLOTS else now_s
            return published

    async def _sweep_slots(
        self,
        hints: Hints,
        buckets: Sequence[int],
        slots: Sequence[int],
        now_s: float,
        *,
        patient: bool,
        nudged: frozenset[int] = frozenset(),
    ) -> int:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def sweep_one(bucket: int) -> int:
            published = 0
            for slot in slots:
                async with turns:
                    looks = self._looks.setdefault((bucket, slot), {})
                    for hint in await hints.of(bucket, slot):
                        if policy.is_due(hint, looks.get(hint.sort), now_s, patient=patient, nudged=bucket in nudged):
                            looks[hint.sort], count = await self._look(hint, now_s)
                            published += count
            return published

        return await _all(map(sweep_one, buckets)) if slots else 0

    async def _pass(self, hints: Hints, buckets: Sequence[int], slots: Sequence[int], now_s: float) -> None:
        """Move the cursors past slots that were swept and that no more hints come to."""
        places = [(bucket, slot) for bucket in buckets for slot in slots]
        looks = [look for place in places for look in self._looks.pop(place, {}).values()]
        for look in looks:
            if look.failed:
                # Written again where the next sweeps find it: one partition that cannot be published does not hold up its bucket.
                await hints.write(Hint(look.hint.table, look.hint.partition, now_s))
        moved = dict.fromkeys(buckets, slots[-1] + 1)
        behind = min((dict(enumerate(await hints.cursors())) | moved).values())
        await hints.retire([look.hint for look in looks], [slot for slot in slots if slot < behind], now_s + KEPT_S)
        await hints.move_cursors(buckets, slots[-1] + 1)
        self._cursors.update(moved)

    async def _look(self, hint: Hint, now_s: float) -> tuple[Look, int]:
        try:
            published = await self._publish(hint)
        except MatineeError as error:
            log.warning("outbox not published", table=hint.table.name, partition=hint.partition, error=repr(error))
            return Look(hint, now_s, failed=True), 0
        return Look(hint, now_s), published

    async def _publish(self, hint: Hint) -> int:
        store, published = await self._table(hint.table), 0
        while True:
            rows = await store.scan(hint.partition, OUTBOX_PREFIX, limit=_PAGE)
            by_topic: dict[str, list[Event]] = {}
            for event in map(read_event, rows):
                by_topic.setdefault(event.topic, []).append(event)
            for name, events in by_topic.items():
                await self._append(topic_of(name), events)
            await _delete(store, hint.partition, rows)
            published += len(rows)
            if len(rows) < _PAGE:
                return published

    async def _append(self, topic: Topic, events: Sequence[Event]) -> None:
        opened = await self._opened_log()
        try:
            await opened.append(topic, events)
        except (Unavailable, StorageFull) as error:
            raise _LogDown from error

    async def _opened_log(self) -> Log:
        async with self._opening:
            if self._log is None:
                try:
                    self._log = await self._open_log()
                except MatineeError as error:  # Misconfigured may mean that its brokers are away
                    raise _LogDown from error
            return self._log

    async def _open(self) -> Hints:
        async with self._opening:
            if self._hints is None:
                hints = Hints(await self._open_hints())
                self._cursors = dict(enumerate(await hints.cursors()))
                self._hints = hints
            return self._hints

    async def _table(self, table: Table) -> Store:
        async with self._opening:
            if table not in self._tables:
                self._tables[table] = await self._open_table(table)
            return self._tables[table]


async def _delete(store: Store, partition: str, rows: Sequence[Row]) -> None:
    try:
        await store.batch(partition, [Delete(row.sort, row.version) for row in rows])
    except VersionConflict:
        # Another relay, in the moment of a takeover, was here too.
        for row in rows:
            with contextlib.suppress(VersionConflict):
                await store.delete(row)


async def _all(counts: Iterable[Coroutine[Any, Any, int]]) -> int:
    """Await every one and return their sum; the first error ends them all and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(count) for count in counts]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise (first.__cause__ if isinstance(first, _LogDown) and first.__cause__ else first) from None
    return sum(task.result() for task in tasks)
