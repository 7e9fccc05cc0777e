"""What an actor does by itself, on an event loop and a thread of its own: restarted after a crash it needs no call to go on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Protocol


class Runs(Protocol):
    """What runs until it is cancelled, and then frees what it holds."""

    async def run(self) -> None: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class OwnThread:
    """Runs from construction on."""

    def __init__(self, name: str, runs: Runs) -> None:
        self._runs = runs
        self._loop = asyncio.new_event_loop()
        self._running = self._loop.create_task(runs.run())
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End what runs, and wait until it has closed."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._running.cancel)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._until_cancelled())
        self._loop.close()

    async def _until_cancelled(self) -> None:
        await asyncio.wait([self._running])
        await self._runs.close()
