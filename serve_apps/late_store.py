"""A table that is opened when it is first needed: who only reads it starts whether the store answers or not."""

from __future__ import annotations

import asyncio

from cluster.durable import Store, StoreFactory


class LateStore:
    """Opens once what its factory opens; where that fails, the next who asks tries again."""

    def __init__(self, open_store: StoreFactory) -> None:
        self._open_store = open_store
        self._opening: asyncio.Task[Store] | None = None

    async def opened(self) -> Store:
        """Return the table; who gives up waiting does not end what others wait for.

        Raises:
            MatineeError: it cannot be opened.
        """
        if self._opening is None or (self._opening.done() and (self._opening.cancelled() or self._opening.exception() is not None)):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def close(self) -> None:
        """Close it, if it was opened."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        opening.cancel()
        await asyncio.wait([opening])
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().close()

    async def _open(self) -> Store:
        return await self._open_store()
