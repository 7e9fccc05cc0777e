"""A POST that creates, sent twice with one Idempotency-Key, creates once and answers the same.

Main path: `Idempotency.once` -> a row claimed for (account, route, key) -> the operation -> its answer kept for a day.
Refuses to know what the operation does; one that died half-way is done again under the same operation id.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Header

from cluster.durable import Row, Store
from cluster.errors import Conflict, DeadlineExceeded, IdempotencyKeyReused, Indeterminate, MatineeError, VersionConflict
from cluster.ids import new_id

KEPT_S: Final = 86400.0
TAKEOVER_AFTER_S: Final = 35.0
"""Longer than a request may take: whoever claimed the row before that is gone."""
_WAIT_S: Final = 20.0
_POLL_S: Final = 0.05

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128)]
"""The header of a route that creates; scoped to (account, route, key)."""

Answer = tuple[int, bytes]
"""Status and JSON."""


class Idempotency:
    """Keeps answers in a linear table of the service that creates (partition: the account)."""

    def __init__(self, store: Store, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now_s = now_s

    async def once(self, account_id: str, route: str, key: str | None, body: bytes, do: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what `do` answers, or what it answered to the same key and body before; without a key always do it.

        An operation that raises leaves nothing behind, so the same key may be sent again.

        Raises:
            IdempotencyKeyReused: the key came with another body.
            Conflict: the first request with this key is still at work.
        """
        return await self.once_as(account_id, route, key, body, lambda _operation_id: do())

    async def once_as(self, account_id: str, route: str, key: str | None, body: bytes, do: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Like `once`, and tell `do` an id that stays the same when it is done again after a crash or a lost answer.

        Name the created thing by it: then even those create it once.
        """
        if key is None:
            return await do(new_id())
        sort = "request/" + hashlib.sha256(f"{route}\0{key}".encode()).hexdigest()
        body_hash = hashlib.sha256(body).hexdigest()
        claimed = await self._claimed(account_id, sort, body_hash)
        if claimed.value["state"] == "done":
            return claimed.value["status"], claimed.value["answer"].encode()
        try:
            status, answer = await do(claimed.value["operation_id"])
        except (Indeterminate, DeadlineExceeded, asyncio.CancelledError):
            # It may have happened: the next one does it again under the same id, at once.
            await self._settled(claimed, {**claimed.value, "state": "unknown"})
            raise
        except MatineeError:
            await self._settled(claimed, None)
            raise
        await self._settled(claimed, {**claimed.value, "state": "done", "status": status, "answer": answer.decode()})
        return status, answer

    async def _claimed(self, account_id: str, sort: str, body_hash: str) -> Row:
        given_up_at_s = time.monotonic() + _WAIT_S
        while time.monotonic() < given_up_at_s:
            now_s = self._now_s()
            row = await self._store.get(account_id, sort)
            try:
                if row is None:
                    value = {"state": "pending", "body_hash": body_hash, "operation_id": new_id(), "started_at_s": now_s}
                    return await self._store.put_if_absent(account_id, sort, "request", value, expires_at_s=now_s + KEPT_S)
                if row.value["body_hash"] != body_hash:
                    raise IdempotencyKeyReused
                if row.value["state"] == "done":
                    return row
                if row.value["state"] == "unknown" or now_s - row.value["started_at_s"] >= TAKEOVER_AFTER_S:
                    value = {**row.value, "state": "pending", "started_at_s": now_s}
                    return await self._store.compare_and_set(row, value, expires_at_s=now_s + KEPT_S)
            except VersionConflict:
                continue
            await asyncio.sleep(_POLL_S)
        raise Conflict("The first request with this Idempotency-Key is still at work", retry_after_s=1)

    async def _settled(self, claimed: Row, value: dict[str, object] | None) -> None:
        try:
            if value is None:
                await self._store.delete(claimed)
            else:
                await self._store.compare_and_set(claimed, value, expires_at_s=claimed.expires_at_s)
        except MatineeError:
            return  # taken over meanwhile, or the store is away: the row stays claimed, and the same id makes a repeat harmless
