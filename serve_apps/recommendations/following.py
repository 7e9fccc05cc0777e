"""Keeps the live model in a replica's memory: asks every second which bundle is live, and swaps a new one in once it is found good.

Main path: the registry -> another bundle than ours -> load, checked, off the event loop -> the encoder has it -> one assignment.
A bundle that is refused is told of once and never swapped in; the one before stays. Refuses to know what a model is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Generic, Protocol, TypeVar

import structlog

from cluster.errors import Unavailable

log = structlog.get_logger()

POLL_S: Final = 1.0


class Loaded(Protocol):
    """What is swapped in."""

    @property
    def bundle_id(self) -> str:
        """Whose it is."""
        ...


M = TypeVar("M", bound=Loaded)


class Following(Generic[M]):
    """Owns the task that follows; `model` is what is live, or was when it could last be seen; None: there is none."""

    def __init__(
        self,
        live: Callable[[], Awaitable[str | None]],
        load: Callable[[str], Awaitable[M]],
        prepare: Callable[[str], Awaitable[object]],
        poll_s: float = POLL_S,
    ) -> None:
        self.model: M | None = None
        self._live, self._load, self._prepare, self._poll_s = live, load, prepare, poll_s
        self._refused: str | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def refresh(self) -> None:
        """Swap in what is live, if it is another one and good.

        Raises:
            Unavailable: the registry or the objects do not answer; what was live stays, and the next look may be luckier.
        """
        bundle_id = await self._live()
        if bundle_id is None:
            self.model = None
        elif bundle_id != self._refused and (self.model is None or self.model.bundle_id != bundle_id):
            await self._swap(bundle_id)

    async def _swap(self, bundle_id: str) -> None:
        try:
            model = await self._load(bundle_id)
        except Unavailable:
            raise
        except Exception as error:  # a bundle may be wrong in more ways than one thinks of: none of them may end what works
            self._refused = bundle_id
            log.error("a bundle is refused", bundle_id=bundle_id, error=repr(error), stays=self.model.bundle_id if self.model else None)
            return
        # With a model before it, pages rather wait for the encoder to have the new one; without, EASE at once is better than nothing.
        if self.model is not None:
            await self._prepare(bundle_id)
        first, self.model, self._refused = self.model is None, model, None
        log.info("a bundle is live", bundle_id=bundle_id)
        if first:
            await self._prepare(bundle_id)

    async def _follow(self) -> None:
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except Exception as error:  # following must outlive whatever one look meets
                if not failing:
                    log.warning("which bundle is live is not read", error=repr(error))
                failing = True
            await asyncio.sleep(self._poll_s)
