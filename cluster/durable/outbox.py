"""Facts written in the batch that changes their row, and the hints by which the relay finds them.

Main path: commit() -> a hint, durable first -> one batch of changes and `outbox/…` rows -> a nudge to the relay.
Hints stand in 64 buckets of time slots, with an index of the slots in use, so that a relay that was away knows where to look.
Refuses to know the log.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec
import structlog

from cluster.durable.log import partition_of
from cluster.durable.opening import open_store
from cluster.durable.store import PUT_LIMIT, Change, Insert, Mode, Row, Store, Table
from cluster.errors import CorruptData, Indeterminate, InvalidInput, MatineeError, StoreUnavailable
from cluster.events import TOPICS, Event, Topic
from cluster.ids import new_id
from cluster.settings import Settings

T = TypeVar("T")

log = structlog.get_logger()

HINTS: Final = Table("outbox_hints", Mode.PLAIN, group="outbox")
OUTBOX_PREFIX: Final = "outbox/"
BUCKETS: Final = 64
SLOT_S: Final = 60.0
GRACE_S: Final = 30.0
"""How long after its hint a commit is likely to come."""
KEPT_S: Final = 86400.0
"""How long a hint stays once the relay has passed it, in case that clocks are set back."""

CLOCK_STEP_US: Final = 1_000_000
"""By how much more a clock goes back when it is set, not only corrected."""

_SLOTS: Final = "slots"
_CURSORS: Final = "cursors"
_PAGE: Final = 100


class Hint(msgspec.Struct, frozen=True):
    """Says that a partition has, or is about to have, facts to publish."""

    table: Table
    partition: str
    hinted_at_s: float
    writer: str = ""
    """Whose commit it announces: later hints of one writer have later times."""

    @property
    def sort(self) -> str:
        """Its name within a slot; a later hint of the same writer and partition takes its place."""
        place = f"{self.table.name}/{self.partition}"
        return f"{place}/{self.writer}" if self.writer else place

    @property
    def version(self) -> int:
        """Its time in microseconds: the later hint wins."""
        return round(self.hinted_at_s * 1e6)

    @property
    def bucket(self) -> int:
        """Which of the 64 buckets it belongs to, with all hints of its partition."""
        return partition_of(f"{self.table.name}/{self.partition}", BUCKETS)

    @property
    def slot(self) -> int:
        """The time slot where it stands."""
        return slot_of(self.hinted_at_s)


Nudge = Callable[[Hint, bool], None]
"""Tells the relay of a hint whose commit was made, or may have been, and whether nothing more comes of it: it is settled."""


class Hints:
    """The hints of all tables: by bucket and slot, with the slots in use and how far the relay is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._indexed = -1

    async def write(self, hint: Hint) -> None:
        """Keep a hint until the relay passes it, however long that takes; returns once it is durable."""
        if self._indexed != hint.slot:
            # The slot first: a hint is never where nobody looks.
            await self._store.put([_slot_row(hint.slot)])
            self._indexed = hint.slot
        await self._store.put([_hint_row(hint)])

    async def slots(self, first: int, limit: int) -> list[int]:
        """Return the first slots from `first` on that have hints."""
        rows = await self._store.scan(_SLOTS, after=f"{first - 1:012d}" if first > 0 else None, limit=limit)
        return [int(row.sort) for row in rows]

    async def of(self, bucket: int, slot: int) -> list[Hint]:
        """Return the hints of a bucket in a slot; a damaged one is passed over, for all the others' sake."""
        found: list[Hint] = []
        after: str | None = None
        while True:
            page = await self._store.scan(_hint_partition(bucket, slot), after=after, limit=_PAGE)
            for row in page:
                try:
                    found.append(_convert(row, Hint))
                except CorruptData as error:
                    log.error("outbox hint skipped", error=repr(error))
            if len(page) < _PAGE:
                return found
            after = page[-1].sort

    async def cursors(self) -> list[int]:
        """Return for each bucket the slot before which everything is published."""
        stored = {row.sort: row.version for row in await self._store.scan(_CURSORS, limit=BUCKETS)}
        return [stored.get(f"{bucket:02d}", 0) for bucket in range(BUCKETS)]

    async def move_cursors(self, buckets: Sequence[int], slot: int) -> None:
        """Say that everything before `slot` is published; a cursor never goes back."""
        await self._store.put([Row(_CURSORS, f"{bucket:02d}", slot, "cursor", {}) for bucket in buckets])

    async def retire(self, hints: Iterable[Hint], slots: Iterable[int], expires_at_s: float) -> None:
        """Let time clean hints, and slots that all buckets have passed.

        They are not removed: a removal would outlive them, and keep off those that come again after a clock was set back.
        """
        rows = [*(_hint_row(hint, expires_at_s) for hint in hints), *(_slot_row(slot, expires_at_s) for slot in slots)]
        for some in range(0, len(rows), PUT_LIMIT):
            await self._store.put(rows[some : some + PUT_LIMIT])

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


class Outbox:
    """Commits changes of one linear table together with the facts that tell of them."""

    def __init__(self, store: Store, hints: Store, now_s: Callable[[], float] = time.time, nudge: Nudge | None = None) -> None:
        self._store, self._hints, self._now_s, self._nudge = store, Hints(hints), now_s, nudge
        self._under_way: Counter[str] = Counter()
        self._begin_anew()

    async def commit(self, partition: str, changes: Sequence[Change], events: Sequence[Event]) -> None:
        """Make all changes and have `events` published at least once, in the order of their versions; or none of it.

        An event counts as one more change of the batch.

        Raises:
            VersionConflict: some condition did not hold; nothing was written.
            Indeterminate: it may have happened; if it did, the events will be published.
        """
        if not events:
            await self._store.batch(partition, changes)
            return
        if any(change.sort.startswith(OUTBOX_PREFIX) for change in changes):
            raise InvalidInput(f"Rows under {OUTBOX_PREFIX} are the outbox's own")
        for event in events:
            topic_of(event.topic)
        batch = [*changes, *(_insert(number, event) for number, event in enumerate(events))]
        self._under_way[partition] += 1
        try:
            await self._commit(partition, batch)
        finally:
            self._under_way[partition] -= 1
            if not self._under_way[partition]:
                del self._under_way[partition]

    async def close(self) -> None:
        """Close the hints; the store stays its owner's."""
        await self._hints.close()

    async def _commit(self, partition: str, batch: Sequence[Change]) -> None:
        hint = await self._hint(partition)
        try:
            await self._store.batch(partition, batch)
        except Indeterminate:
            # It may yet happen, so long after its hint that the relay looks seldom, or has gone on.
            await self._hint_again(partition)
            self._begin_anew()
            self._tell(hint, settled=False)
            raise
        except MatineeError:  # nothing was written
            raise
        except BaseException:
            self._begin_anew()
            raise
        if self._now_s() - hint.hinted_at_s > GRACE_S / 2:
            await self._hint_again(partition)  # this process stood still meanwhile
        self._tell(hint, settled=self._under_way[partition] == 1)

    def _begin_anew(self) -> None:
        """Write hints under another name: what this one's are about may come yet, so that no later one of it is settled."""
        self._writer, self._hinted_us = new_id(), 0

    async def _hint(self, partition: str) -> Hint:
        now_us = round(self._now_s() * 1e6)
        if now_us < self._hinted_us - CLOCK_STEP_US:  # the clock was set back: earlier hints would win
            self._begin_anew()
        self._hinted_us = max(now_us, self._hinted_us + 1)
        hint = Hint(self._store.table, partition, self._hinted_us / 1e6, self._writer)
        try:
            await self._hints.write(hint)
        except Indeterminate as error:  # of the hint; of the change itself nothing is written
            raise StoreUnavailable("The outbox did not answer in time") from error
        return hint

    async def _hint_again(self, partition: str) -> None:
        with contextlib.suppress(MatineeError):  # the commit stands, or doesn't, either way
            await self._hint(partition)

    def _tell(self, hint: Hint, *, settled: bool) -> None:
        if self._nudge is not None:
            self._nudge(hint, settled)


async def open_outbox(settings: Settings, store: Store, nudge: Nudge | None = None, now_s: Callable[[], float] = time.time) -> Outbox:
    """Open the outbox of a linear table; `nudge` makes the relay look at once, else it looks each second."""
    return Outbox(store, await open_store(settings.store, HINTS, now_s), now_s, nudge)


def topic_of(name: str) -> Topic:
    """Return the topic of this name.

    Raises:
        InvalidInput: there is none.
    """
    for topic in TOPICS:
        if topic.name == name:
            return topic
    raise InvalidInput(f"There is no topic {name!r}; known: {', '.join(topic.name for topic in TOPICS)}")


def slot_of(at_s: float) -> int:
    """Return the number of the time slot."""
    return int(at_s // SLOT_S)


def read_event(row: Row) -> Event:
    """Return the event of a row under OUTBOX_PREFIX.

    Raises:
        CorruptData: the row holds none.
    """
    return _convert(row, Event)


def _hint_partition(bucket: int, slot: int) -> str:
    return f"hint/{bucket:02d}/{slot}"


def _hint_row(hint: Hint, expires_at_s: float | None = None) -> Row:
    return Row(_hint_partition(hint.bucket, hint.slot), hint.sort, hint.version, "hint", msgspec.to_builtins(hint), expires_at_s)


def _slot_row(slot: int, expires_at_s: float | None = None) -> Row:
    return Row(_SLOTS, f"{slot:012d}", 1, "slot", {}, expires_at_s)


def _insert(number: int, event: Event) -> Insert:
    # The key keeps facts of several entities of one partition apart; versions sort as text.
    sort = f"{OUTBOX_PREFIX}{event.entity_version:016d}/{event.key}/{number:02d}"
    return Insert(sort, "event", msgspec.to_builtins(event))


def _convert(row: Row, kind: type[T]) -> T:
    try:
        return msgspec.convert(row.value, kind)
    except msgspec.ValidationError as error:
        raise CorruptData(f"{row.partition}/{row.sort} holds no {kind.__name__}: {error}") from error
