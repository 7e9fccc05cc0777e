from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cluster.durable import Mode, Store, Table, open_store
from cluster.errors import StoreUnavailable
from serve_apps.late_store import LateStore

TABLE = Table("late", Mode.PLAIN, group="late")


class Opening:
    """A factory that counts, fails while it is away, and waits while it is held."""

    def __init__(self, folder: Path) -> None:
        self.url, self.times, self.away = f"sqlite:{folder}", 0, False
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self) -> Store:
        self.times += 1
        await self.free.wait()
        if self.away:
            raise StoreUnavailable
        return await open_store(self.url, TABLE)


def opening(folder: Path, run: Callable[[Opening, LateStore], Awaitable[None]]) -> None:
    async def main() -> None:
        made = Opening(folder)
        late = LateStore(made)
        await run(made, late)
        await late.close()

    asyncio.run(main())


def test_all_who_ask_at_once_get_the_same_and_so_do_those_after_them(tmp_path: Path) -> None:
    async def run(made: Opening, late: LateStore) -> None:
        assert len(set(await asyncio.gather(*(late.opened() for _ in range(5))))) == 1
        assert await (await late.opened()).get("a", "b") is None
        assert made.times == 1

    opening(tmp_path, run)


def test_what_could_not_be_opened_is_tried_again(tmp_path: Path) -> None:
    async def run(made: Opening, late: LateStore) -> None:
        made.away = True
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await late.opened()
        made.away = False
        assert await (await late.opened()).get("a", "b") is None
        assert made.times == 3

    opening(tmp_path, run)


def test_who_gives_up_does_not_end_what_others_wait_for(tmp_path: Path) -> None:
    async def run(made: Opening, late: LateStore) -> None:
        made.free.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late.opened(), 0.01)
        made.free.set()
        await late.opened()
        assert made.times == 1

    opening(tmp_path, run)


def test_it_is_closed_whether_it_was_opened_is_being_opened_or_was_never_asked_for(tmp_path: Path) -> None:
    async def run(made: Opening, late: LateStore) -> None:
        await late.close()
        store = await late.opened()
        await late.close()
        with pytest.raises(StoreUnavailable):
            await store.get("a", "b")
        made.free.clear()
        asking = asyncio.create_task(late.opened())
        await asyncio.sleep(0)
        await late.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    opening(tmp_path, run)
