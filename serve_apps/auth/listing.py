"""Who has an account, in a list that operators can search: the store finds an account by its id alone.

Main path: an entry is written before its account is, and after each change of e-mail or name -> `page` reads entries, newest first.
An entry is what is searched, never what is shown: whoever lists reads the account itself. One that is missing (the account is older than
the list) or stale (its writer died) is written when a device of the account comes back. Refuses to know accounts' rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cluster.durable import Row, Store
from serve_apps.auth.policy import Account, folded

LOOKED_AT_LIMIT: Final = 2000
"""Entries that one page looks at, however few of them match."""
UNWRITTEN_AFTER_S: Final = 3600.0
"""An account that was not written this long after its entry will never be."""
_PARTITION: Final = "members"
_SCAN: Final = 500


class Listing:
    """The entries: rows of one partition, about 200 bytes each; a hundred thousand members are 20 MB."""

    def __init__(self, store: Store, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now_s = now_s

    async def write(self, account_id: str, version: int, account: Account) -> None:
        """Write the entry of an account as of a version; the highest wins."""
        await self._store.put([Row(_PARTITION, account_id, version, "member", _entry(account))])

    async def keep(self, account_id: str, version: int, account: Account) -> None:
        """Write the entry if it is missing or says something else."""
        row = await self._store.get(_PARTITION, account_id)
        if row is None or row.value != _entry(account):
            await self.write(account_id, version, account)

    async def forget(self, account_id: str, version: int) -> None:
        """Remove the entry of an account whose last version this is; idempotent."""
        await self._store.remove(_PARTITION, account_id, version)

    async def forget_unwritten(self, account_id: str) -> None:
        """Remove the entry of an account that is not there, once it can no longer come."""
        row = await self._store.get(_PARTITION, account_id)
        if row is not None and self._now_s() - row.value["created_at_s"] >= UNWRITTEN_AFTER_S:
            await self._store.remove(_PARTITION, account_id, row.version)

    async def page(self, part: str, limit: int, after: str | None) -> tuple[list[str], str | None]:
        """Return up to `limit` accounts' ids whose e-mail or name has this part, and after which to go on (None: that is all).

        A page looks at so many entries only: it may hold fewer ids, or none, and yet not be the last.
        """
        wanted, found, looked_at = folded(part), list[str](), 0
        while looked_at < LOOKED_AT_LIMIT:
            rows = await self._store.scan(_PARTITION, after=after, reverse=True, limit=_SCAN)
            for number, row in enumerate(rows, start=1):
                after = row.sort
                if wanted in folded(row.value["email"]) or wanted in folded(row.value["name"]):
                    found.append(row.sort)
                    if len(found) == limit:
                        return found, None if number == len(rows) < _SCAN else after
            if len(rows) < _SCAN:
                return found, None
            looked_at += len(rows)
        return found, after


def _entry(account: Account) -> dict[str, object]:
    return {"email": account.email, "name": account.name, "created_at_s": account.created_at_s}
