"""Runs a processor: reads its partitions of the log, and writes what it makes of them together with how far it is.

Main path: where it goes on -> a page of the log -> a draft -> one write -> the next.
Refuses to know what events mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from actors.processors.draft import Concerned, Draft
from actors.processors.kept import Place, kept, partition_name, read_place
from actors.processors.patience import PATIENCE, Patience
from actors.processors.processor import Processor
from actors.processors.remembered import Remembered
from cluster.durable import BATCH_LIMIT, Entry, Log, LogFactory, Store, StoreFactory
from cluster.durable.outbox import Nudge, Outbox
from cluster.errors import CorruptData, InvalidInput, VersionConflict
from cluster.events import Event

log = structlog.get_logger()

PAGE: Final = 200
TURNS: Final = 2
"""How many partitions hold a page in memory at once."""
WAIT_S: Final = 5.0
NOTE_EVERY_S: Final = 5.0


class LogProcessor:
    """Owns the partitions of a topic whose number is `instance` modulo `instances`.

    Survives a crash: everything, since how far it is stands beside what it made. Two owners of a partition, in the moment of a takeover,
    apply no entry twice: the later write fails, and its owner reads anew. Entries that it can make nothing of are published to the topic
    of dead letters. Undecorated on purpose: tests build it in process, without Ray.
    """

    def __init__(
        self,
        processor: Processor,
        open_store: StoreFactory,
        open_hints: StoreFactory,
        open_log: LogFactory,
        now_s: Callable[[], float] = time.time,
        *,
        nudge: Nudge | None = None,
        instance: int = 0,
        instances: int = 1,
        patience: Patience = PATIENCE,
    ) -> None:
        self._processor, self._now_s, self._nudge, self._patience = processor, now_s, nudge, patience
        self._open_store, self._open_hints, self._open_log = open_store, open_hints, open_log
        self.partitions = processor.partitions(instance, instances)
        self._opening, self._turns = asyncio.Lock(), asyncio.Semaphore(TURNS)
        self._store: Store | None = None
        self._outbox: Outbox | None = None
        self._log: Log | None = None
        self._places: dict[int, Place] = {}
        """Where it goes on, while there is more to read: whoever waits reads it anew, and so sees a replay."""
        self._remembered = {partition: Remembered() for partition in self.partitions}
        self._offsets: dict[int, int] = {}
        self._noted: dict[int, tuple[int, float]] = {}

    async def run(self) -> None:
        """Follow all partitions until cancelled; whatever fails is tried again."""
        async with asyncio.TaskGroup() as group:
            for partition in self.partitions:
                group.create_task(self._follow(partition))

    async def run_once(self) -> int:
        """Process what is there, and return how many entries that were.

        Raises:
            Unavailable: store or log do not answer.
            VersionConflict: another owner was faster; what it wrote stands.
        """
        passed = 0
        for partition in self.partitions:
            while found := await self.step(partition):
                passed += found
        return passed

    async def step(self, partition: int) -> int:
        """Process a page of one partition and return how many entries that were; raises as `run_once`."""
        try:
            return await self._step(partition)
        except BaseException:
            self._remembered[partition] = Remembered()  # what is stored decides
            raise

    async def _step(self, partition: int) -> int:
        store, outbox, events = await self._opened()
        place = self._places.pop(partition, None)  # kept only while nothing fails
        if place is None:
            place = await read_place(store, self._processor.name, partition)
        try:
            entries = await self._read(events, partition, place.offset)
        except CorruptData as error:
            if "offset" not in error.fields:
                raise
            place = await self._pass(outbox, partition, place, error)
            self._places[partition], self._offsets[partition] = place, place.offset
            return 1
        done = 0
        while done < len(entries):
            written, count = await self._write(store, outbox, partition, place, entries[done:])
            place, done = written, done + count
            if len(entries) == PAGE and len(entries) - done < count:
                break  # too few for a write of their own: they come again with the next page
        if entries:
            self._places[partition] = place
        self._offsets[partition] = place.offset
        return done

    async def close(self) -> None:
        """Close store and log."""
        async with self._opening:
            opened = [each for each in (self._outbox, self._store, self._log) if each is not None]
            self._outbox, self._store, self._log = None, None, None
            for each in opened:
                await each.close()

    async def _follow(self, partition: int) -> None:
        pause_s, failing = self._patience.first_s, False
        while True:
            try:
                async with self._turns:
                    passed = await self.step(partition)
                await self._note(partition, idle=not passed)
                if not passed:
                    await self._wait(partition)
            except Exception as error:  # store and log come back, and a rival that was faster is read from
                if not failing and not isinstance(error, VersionConflict):
                    log.warning("not processed", processor=self._processor.name, partition=partition, error=repr(error))
                    failing = True
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(pause_s * 2, self._patience.limit_s)
                continue
            if failing:
                log.info("processed again", processor=self._processor.name, partition=partition)
            pause_s, failing = self._patience.first_s, False

    async def _note(self, partition: int, *, idle: bool) -> None:
        """Tell tools that watch the log, at most every few seconds while there is much to do."""
        offset, now_s = self._offsets[partition], time.monotonic()
        noted, at_s = self._noted.get(partition, (0, -NOTE_EVERY_S))
        if offset != noted and (idle or now_s - at_s >= NOTE_EVERY_S):
            _, _, events = await self._opened()
            if await events.note_progress(f"processor-{self._processor.name}", self._processor.topic, partition, offset):
                self._noted[partition] = offset, now_s

    async def _wait(self, partition: int) -> None:
        """Return once there is more, or some seconds later."""
        _, _, events = await self._opened()
        with contextlib.suppress(CorruptData):  # there is more; the next step sees to it
            await events.read(self._processor.topic, partition, self._offsets[partition], limit=1, wait_s=WAIT_S)

    async def _read(self, events: Log, partition: int, offset: int) -> list[Entry]:
        for pause_s in self._patience.pauses():
            with contextlib.suppress(CorruptData):
                return await events.read(self._processor.topic, partition, offset, limit=PAGE)
            await asyncio.sleep(pause_s)
        return await events.read(self._processor.topic, partition, offset, limit=PAGE)

    async def _pass(self, outbox: Outbox, partition: int, place: Place, damage: CorruptData) -> Place:
        """Go on past an entry that cannot be read."""
        draft = Draft(self._processor, partition, place, {}, self._now_s())
        draft.set_aside(damage.fields["offset"], None, damage)
        return await self._commit(outbox, partition, draft)

    async def _write(self, store: Store, outbox: Outbox, partition: int, place: Place, entries: Sequence[Entry]) -> tuple[Place, int]:
        """Write what the first entries come to, as many as have room; return where it goes on and how many they were."""
        try:
            draft = await self._draft(store, partition, place, entries)
            return await self._commit(outbox, partition, draft), draft.entries
        except (InvalidInput, CorruptData) as error:
            # A key, a value or a stored row that the store refuses: of fewer and fewer entries, until it is one.
            if len(entries) > 1:
                return await self._write(store, outbox, partition, place, entries[: (len(entries) + 1) // 2])
            draft = Draft(self._processor, partition, place, {}, self._now_s())
            draft.set_aside(entries[0].offset, entries[0].event, error)
            return await self._commit(outbox, partition, draft), 1

    async def _commit(self, outbox: Outbox, partition: int, draft: Draft) -> Place:
        await outbox.commit(partition_name(self._processor.name, partition), draft.changes(), draft.events)
        self._remembered[partition].keep(draft.placed(), draft.rows())
        for letter in draft.events:
            log.error("entry set aside", **{name: letter.value[name] for name in ("processor", "partition", "offset", "reason")})
        return draft.placed()

    async def _draft(self, store: Store, partition: int, place: Place, entries: Sequence[Entry]) -> Draft:
        plan, sorts = await self._plan(place, entries)
        name = partition_name(self._processor.name, partition)
        rows = self._remembered[partition].of(place, sorts, self._now_s())
        if unknown := sorted(sorts - rows.keys()):
            rows |= zip(unknown, map(kept, await store.get_each(name, unknown)), strict=True)
        draft = Draft(self._processor, partition, place, rows, self._now_s())
        for entry, concerned in plan:
            if not await self._taken(draft, entry, concerned):
                break
        return draft

    async def _plan(self, place: Place, entries: Sequence[Entry]) -> tuple[list[tuple[Entry, Concerned | Exception]], set[str]]:
        """Return the first entries with what they concern, or what was raised for them, and the rows to read: as many as fit a write."""
        plan: list[tuple[Entry, Concerned | Exception]] = []
        sorts: set[str] = set()
        for entry in entries:
            concerned = await self._patience.tried(partial(_concerned, self._processor, place, entry.event))
            if not isinstance(concerned, Exception) and concerned.sorts:
                more = {concerned.seen_sort, *concerned.sorts.values()} - sorts
                if plan and len(sorts) + len(more) >= BATCH_LIMIT:
                    break
                sorts |= more
            plan.append((entry, concerned))
        return plan, sorts

    async def _taken(self, draft: Draft, entry: Entry, concerned: Concerned | Exception) -> bool:
        if isinstance(concerned, Exception):
            return draft.set_aside(entry.offset, entry.event, concerned)
        applied = await self._patience.tried(partial(draft.applied, entry.event, concerned)) if concerned.sorts else None
        if isinstance(applied, Exception):
            return draft.set_aside(entry.offset, entry.event, applied)
        if applied is None:  # it concerns nothing, or came twice
            draft.skip(entry.offset)
            return True
        return draft.take(entry.offset, applied)

    async def _opened(self) -> tuple[Store, Outbox, Log]:
        async with self._opening:
            if self._log is None:
                self._log = await self._open_log()
            if self._store is None:
                self._store = await self._open_store()
            if self._outbox is None:
                self._outbox = Outbox(self._store, await self._open_hints(), self._now_s, self._nudge)
            return self._store, self._outbox, self._log


def _concerned(processor: Processor, place: Place, event: Event) -> Concerned:
    return Concerned({key: place.row_sort(key) for key in processor.keys(event)}, place.seen_sort(event.key))
