"""Numbered changes of what is stored, each made once, however many processes begin at the same time.

Main path: migrate() -> the version in the ledger -> the turn, a lease in a row -> apply -> version, entry and end of the turn in one batch.
A migration may be broken off anywhere and is then made again: it must be right to repeat, also beside one that hangs.
Refuses to know which tables there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import msgspec

from cluster.durable.store import Change, Delete, Insert, Mode, Row, Store, Table, Update
from cluster.errors import CorruptData, Indeterminate, MatineeError, Misconfigured, StoreUnavailable, VersionConflict
from cluster.settings import Settings

LEDGER: Final = Table("migrations", Mode.LINEAR, group="schema")
"""One partition: `version`, `begun/<number>` and `applied/<number>` for each migration, and `turn` while one is under way."""

TURN_S: Final = 30.0
POLL_S: Final = 0.2
_PARTITION: Final = "installation"
_VERSION: Final = "version"
_TURN: Final = "turn"


class Migration(msgspec.Struct, frozen=True):
    """A change; `apply` must be right to repeat, and beside the code of the version before."""

    number: int
    title: str
    apply: Callable[[Settings], Awaitable[None]]


class Applied(msgspec.Struct, frozen=True):
    """A migration that was made."""

    number: int
    title: str
    at_s: float


class Ledger:
    """What was made of `migrations`, numbered 1, 2, 3…"""

    def __init__(self, store: Store, migrations: Sequence[Migration], holder: str, now_s: Callable[[], float] = time.time) -> None:
        self._store, self._migrations, self._holder, self._now_s = store, migrations, holder, now_s
        assert [migration.number for migration in migrations] == list(range(1, len(migrations) + 1))

    async def version(self) -> int:
        """Return the number of the last migration that was made; 0: none.

        Raises:
            Misconfigured: a newer Matinee made it.
        """
        row = await self._store.get(_PARTITION, _VERSION)
        number = _number(row) if row is not None else 0
        if number > len(self._migrations):
            raise Misconfigured(
                f"A newer Matinee has changed what is stored (version {number}; this one knows {len(self._migrations)}):"
                " update Matinee, or restore a backup of before"
            )
        return number

    async def pending(self) -> list[Migration]:
        """Return what is still to be made, in its order."""
        return list(self._migrations[await self.version() :])

    async def migrate(self, settings: Settings, doing: Callable[[str], None], before: Callable[[int], Awaitable[None]]) -> list[Applied]:
        """Make what is missing, and return what this call made; while another makes it, wait for that.

        `before` is called with the version that stands, in the turn, before the first one is made; not again for one that was broken off.

        Raises:
            Misconfigured: a newer Matinee has changed what is stored.
            MatineeError: what a migration raises; those before it stand.
        """
        made: list[Applied] = []
        while missing := await self.pending():
            turn = await self._take_turn()
            if turn is None:
                doing("waiting for another that brings the data to this version")
                await asyncio.sleep(POLL_S)
                continue
            migration = missing[0]
            async with self._kept(turn) as held:
                if len(await self.pending()) != len(missing):
                    continue  # made between the look and the turn
                await self._begin(migration, before, first=not made)
                doing(f"bringing the data to version {migration.number}: {migration.title}")
                await migration.apply(settings)
                applied = Applied(migration.number, migration.title, self._now_s())
                if await self._finish(held, applied):
                    made.append(applied)
        return made

    async def _begin(self, migration: Migration, before: Callable[[int], Awaitable[None]], *, first: bool) -> None:
        # Once it has begun, what stands is no longer of the version before.
        begun = f"begun/{migration.number:06d}"
        if await self._store.get(_PARTITION, begun) is None:
            if first:
                await before(migration.number - 1)
            with contextlib.suppress(VersionConflict):
                await self._store.put_if_absent(_PARTITION, begun, "begun", {"at_s": self._now_s()})

    async def _take_turn(self) -> Row | None:
        now_s = self._now_s()
        value = {"holder": self._holder, "until_s": now_s + TURN_S}
        row = await self._store.get(_PARTITION, _TURN)
        try:
            if row is None:
                return await self._store.put_if_absent(_PARTITION, _TURN, "turn", value)
            if row.value["until_s"] > now_s:
                return None
            return await self._store.compare_and_set(row, value)
        except (VersionConflict, Indeterminate):  # if it is ours after all, it ends by itself
            return None

    @contextlib.asynccontextmanager
    async def _kept(self, turn: Row) -> AsyncIterator[_Held]:
        held = _Held(turn)
        body = asyncio.current_task()
        assert body is not None
        renewal = asyncio.create_task(self._renew(held, body))
        try:
            yield held
        except asyncio.CancelledError:
            if not held.lost:
                raise
            body.uncancel()
            raise StoreUnavailable("Another has taken over the change of the data, since this process stood still: start again") from None
        finally:
            renewal.cancel()
            await asyncio.wait([renewal])
            if not held.over:
                with contextlib.suppress(MatineeError):  # else it ends by itself
                    await self._store.delete(held.row)

    async def _renew(self, held: _Held, body: asyncio.Task[object]) -> None:
        while True:
            await asyncio.sleep(TURN_S / 6)
            async with held.lock:
                if held.over:
                    return
                try:
                    held.row = await self._store.compare_and_set(held.row, {**held.row.value, "until_s": self._now_s() + TURN_S})
                except VersionConflict:
                    held.lost = held.over = True
                    body.cancel()
                    return
                except MatineeError:
                    row = await self._own_turn()
                    held.row = row or held.row

    async def _own_turn(self) -> Row | None:
        with contextlib.suppress(MatineeError):
            row = await self._store.get(_PARTITION, _TURN)
            return row if row is not None and row.value["holder"] == self._holder else None
        return None

    async def _finish(self, held: _Held, applied: Applied) -> bool:
        async with held.lock:
            row = await self._store.get(_PARTITION, _VERSION)
            version = {"number": applied.number}
            changes: list[Change] = [
                Delete(_TURN, held.row.version),
                Insert(_VERSION, "version", version) if row is None else Update(_VERSION, "version", version, row.version),
                Insert(f"applied/{applied.number:06d}", "applied", msgspec.to_builtins(applied)),
            ]
            try:
                await self._store.batch(_PARTITION, changes)
            except (VersionConflict, Indeterminate):
                return await self.version() >= applied.number
            held.over = True
            return True


class _Held:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.lock = asyncio.Lock()
        self.over = False
        self.lost = False


def _number(row: Row) -> int:
    number = row.value.get("number")
    if not isinstance(number, int) or number < 0:
        raise CorruptData("The version of what is stored cannot be read: restore a backup")
    return number
