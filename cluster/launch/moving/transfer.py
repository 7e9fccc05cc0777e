"""Moves tables and topics into an empty installation, going on where it was broken off, and compares both ends.

A source is an installation, or a backup: anything that is read by `read_all` and `read`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from cluster.durable import Store
from cluster.errors import CopyDiffers
from cluster.events import TOPICS
from cluster.launch.moving import entries, rows
from cluster.launch.moving.counting import Compared
from cluster.launch.moving.installation import Installation
from cluster.launch.moving.progress import Progress
from cluster.launch.moving.telling import Telling


class Source(msgspec.Struct, frozen=True):
    """What is read."""

    tables: Mapping[str, rows.Readable]
    log: entries.Readable | None


class Report(msgspec.Struct, frozen=True):
    """What came of a move."""

    tables: tuple[Compared, ...]
    topics: tuple[Compared, ...]
    resumed: bool
    """Whether it went on with one that was broken off."""
    seconds: float

    @property
    def different(self) -> list[Compared]:
        """What is not the same at both ends."""
        return [each for each in (*self.tables, *self.topics) if not each.same]

    def require_same(self) -> None:
        """Check that the target holds what the source does.

        Raises:
            CopyDiffers: it doesn't; the sentence says where.
        """
        if self.different:
            wrong = "; ".join(_difference(each) for each in self.different)
            raise CopyDiffers(f"The target differs: {wrong}. If one of both was in use meanwhile, empty the target and begin again")


async def begin(progress: Progress, target: Installation, telling: Telling) -> bool:
    """Begin a move, or return True: it goes on.

    Raises:
        TargetNotEmpty: the target holds what this move has not written.
    """
    telling.doing("looking what the target holds")
    if await progress.belongs_to(target.tables):
        return True
    await target.require_empty()
    progress.begin()
    return False


async def transfer(
    source: Source, target: Installation, progress: Progress, clock: rows.Clock, telling: Telling, *, resumed: bool
) -> Report:
    """Move what the target has not yet, and compare all of it; the progress is forgotten once both ends are the same.

    Raises:
        TargetNotEmpty: a topic of the target holds what this move has not written.
    """
    began_s = time.monotonic()
    for name, table in target.tables.items():
        await _move_table(source.tables[name], table, name, progress, telling)
    if source.log is not None and target.log is not None:
        for topic in TOPICS:
            moving = _Moving(topic.name, "events", telling)
            await entries.move(source.log, target.log, topic, moving.more)
            moving.end()
    clock.hold()
    report = Report(*await _compare(source, target, telling), resumed, round(time.monotonic() - began_s, 3))
    if not report.different:
        progress.end()
    return report


async def _move_table(source: rows.Readable, target: Store, name: str, progress: Progress, telling: Telling) -> None:
    reached = progress.reached(name)
    moving = _Moving(name, "rows", telling, reached.rows)
    if not reached.done:

        def passed(count: int, after: str | None) -> None:
            progress.note(name, count, after)
            moving.more(count)

        await rows.move(source, target, reached.after, passed)
    moving.end()


async def _compare(source: Source, target: Installation, telling: Telling) -> tuple[tuple[Compared, ...], tuple[Compared, ...]]:
    tables, topics = [], []
    for name, table in target.tables.items():
        telling.doing(f"comparing {name}")
        tables.append(Compared(name, await rows.counted(source.tables[name]), await rows.counted(table)))
    if source.log is not None and target.log is not None:
        for topic in TOPICS:
            telling.doing(f"comparing {topic.name}")
            topics.append(await entries.compared(source.log, target.log, topic))
    return tuple(tables), tuple(topics)


class _Moving:
    """Tells how far a table or a topic is."""

    def __init__(self, name: str, what: str, telling: Telling, count: int = 0) -> None:
        self._name, self._what, self._telling, self._count = name, what, telling, count
        self.more(0)

    def more(self, count: int) -> None:
        self._count += count
        self._telling.doing(f"{self._name}: {self._count:,} {self._what}")

    def end(self) -> None:
        if self._count:
            self._telling.done(f"{self._name}: {self._count:,} {self._what}")


def _difference(each: Compared) -> str:
    if each.source.entries != each.target.entries:
        return f"{each.name} has {each.target.entries:,} instead of {each.source.entries:,}"
    return f"{each.name} has other content" if each.source != each.target else f"{each.name} has another order"
