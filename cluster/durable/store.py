"""The port of the store: tables of rows, grouped by partition, ordered by sort key.

Everything that must change together lives in one partition of one table. A `LINEAR` table is changed by conditions on versions
(lightweight transactions in Cassandra), a `PLAIN` one by idempotent writes ordered by their own sequence (the highest wins).
Every adapter refuses the operations of the other mode. Leases are explicit times in values; `expires_at_s` only collects garbage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

Value = dict[str, Any]

VALUE_LIMIT_BYTES: Final = 1 << 20
BATCH_LIMIT: Final = 100
SCAN_LIMIT: Final = 1000
PUT_LIMIT: Final = 1000
TOGETHER_LIMIT: Final = 16
KEY_LIMIT_BYTES: Final = 1024
VERSION_LIMIT: Final = 1 << 62


class Mode(StrEnum):
    """How the rows of a table may change."""

    LINEAR = "linear"
    PLAIN = "plain"


class Table(msgspec.Struct, frozen=True):
    """A table, declared by the one service that writes it."""

    name: str
    mode: Mode
    group: str
    """Tables of one group share their files (SQLite); one group a service."""
    files: int = 1
    """In how many files the embedded adapter spreads the partitions."""


class Row(msgspec.Struct, frozen=True):
    """A row as stored.

    `version` counts 1, 2, 3… in a linear table; in a plain one it is the writer's own sequence.
    """

    partition: str
    sort: str
    version: int
    kind: str
    value: Value
    expires_at_s: float | None = None


class Insert(msgspec.Struct, frozen=True):
    """Write a row that must not exist; it gets version 1."""

    sort: str
    kind: str
    value: Value
    expires_at_s: float | None = None


class Update(msgspec.Struct, frozen=True):
    """Replace a row that must have `if_version`; it gets the next."""

    sort: str
    kind: str
    value: Value
    if_version: int
    expires_at_s: float | None = None


class Delete(msgspec.Struct, frozen=True):
    """Remove a row that must have `if_version`."""

    sort: str
    if_version: int


class Check(msgspec.Struct, frozen=True):
    """Change nothing, but hold the batch to a row's version; 0 means that it must not exist."""

    sort: str
    if_version: int


Change = Insert | Update | Delete | Check


class Discardable(msgspec.Struct, frozen=True):
    """Rows of a linear table, read to be discarded."""

    rows: Sequence[Row]
    marks: Sequence[Any] = ()
    """What the adapter that read them recognises each by; nobody else's business."""


class Store(Protocol):
    """One open table. An adapter is a subclass: what changes one row is a batch of one change everywhere.

    Every operation may raise StoreUnavailable (nothing was written), Indeterminate (a write that may have happened),
    StorageFull, or InvalidInput (a key, value or batch beyond its limit; an operation of the other mode: ModeMixed).
    """

    @property
    def table(self) -> Table:
        """The table that this store holds open."""
        ...

    async def get(self, partition: str, sort: str) -> Row | None:
        """Return the row, or None; in a linear table the newest that anybody was acknowledged."""
        ...

    async def get_each(self, partition: str, sorts: Sequence[str]) -> list[Row | None]:
        """Return what `get` does of each; not together: some may be newer than others."""
        return await asyncio.gather(*(self.get(partition, sort) for sort in sorts))

    async def scan(
        self, partition: str, prefix: str = "", *, after: str | None = None, reverse: bool = False, limit: int = 100
    ) -> list[Row]:
        """Return up to `limit` rows whose sort begins with `prefix`, in sort order (UTF-8), those past `after` only.

        The next page begins after the last row's sort; a page shorter than `limit` is the last.
        """
        ...

    async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
        """Return up to `limit` rows of the whole table, and what to pass as `after` for those that follow; None: there are no more.

        A page may be short, or empty, and not the last. Within a partition rows come in sort order. `after` is a text of the adapter's
        own that another process may go on from. Rows that are written meanwhile may be in or not.

        Raises:
            InvalidCursor: `after` is none of this adapter's.
        """
        ...

    async def load(self, rows: Sequence[Row]) -> None:
        """Write rows as another store holds them, with their versions and expiries, at most PUT_LIMIT, not together; idempotent.

        For a table of either mode that nobody has written otherwise yet, and that is used once it is loaded: of two loads of one row
        the higher version stays, and every later change of a linear row follows the loaded one.
        """
        ...

    async def put(self, rows: Sequence[Row]) -> None:
        """Plain: write rows, each only if its version is at least the stored one's (last write wins); idempotent.

        The rows, at most PUT_LIMIT, may be of several partitions; they are not written together.
        Against a removal of the same version the removal wins, in whatever order they come.
        """
        ...

    async def remove(self, partition: str, sort: str, version: int) -> None:
        """Plain: remove the row unless a higher version is stored; a write that comes later with a lower version stays without effect."""
        ...

    async def put_if_absent(self, partition: str, sort: str, kind: str, value: Value, *, expires_at_s: float | None = None) -> Row:
        """Linear: write a new row and return it.

        Raises:
            VersionConflict: there is one.
        """
        await self.batch(partition, [Insert(sort, kind, value, expires_at_s)])
        return Row(partition, sort, 1, kind, value, expires_at_s)

    async def compare_and_set(self, row: Row, value: Value, *, expires_at_s: float | None = None) -> Row:
        """Linear: replace the value of `row` if it still has its version; return it with the next.

        Raises:
            VersionConflict: it was changed or removed meanwhile.
        """
        await self.batch(row.partition, [Update(row.sort, row.kind, value, row.version, expires_at_s)])
        return Row(row.partition, row.sort, row.version + 1, row.kind, value, expires_at_s)

    async def delete(self, row: Row) -> None:
        """Linear: remove `row` if it still has its version.

        Raises:
            VersionConflict: it was changed or removed meanwhile.
        """
        await self.batch(row.partition, [Delete(row.sort, row.version)])

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        """Linear: make all changes, or none; at most BATCH_LIMIT, each sort once.

        Raises:
            VersionConflict: some condition did not hold; `failed` lists the sort keys. Nothing was written.
        """
        ...

    async def read_to_discard(self, partitions: Sequence[str], prefix: str = "", *, limit: int = BATCH_LIMIT) -> Discardable:
        """Linear: return of each partition the first `limit` rows whose sort begins with `prefix`, so that they can be discarded.

        At most TOGETHER_LIMIT partitions, and BATCH_LIMIT rows of each. Expired ones are left out, though they may have counted.
        """
        ...

    async def discard(self, read: Discardable) -> None:
        """Linear: remove rows that nobody waits for or depends on any more, not together; idempotent.

        One that was changed since it was read stays, and nobody is told. Costs less than a removal by condition.
        """
        ...

    async def close(self) -> None:
        """Free what the store holds; acknowledged writes are safe without it."""
        ...


StoreFactory = Callable[[], Awaitable[Store]]
"""How a store reaches whoever uses it: a recipe that survives pickling, opened in the process that calls it."""
