"""The set of revoked sessions: whole, young, and kept when the store is away."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import Row, Store, open_store
from cluster.edge.revocation import REVOKED_SESSIONS, RevokedSessions, revoked_row
from cluster.errors import StoreUnavailable
from tests.cluster.edge.until import until_async

NOW_S = 1_800_000_000.0


def with_store(folder: Path, test: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = await open_store(f"sqlite:{folder}", REVOKED_SESSIONS, lambda: NOW_S)
        try:
            await test(store)
        finally:
            await store.close()

    asyncio.run(run())


def opening(store: Store) -> Callable[[], Awaitable[Store]]:
    async def open_it() -> Store:
        return store

    return open_it


def test_a_revoked_session_is_known_after_a_poll_until_its_paths_expire(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        clock = [NOW_S]
        revoked = RevokedSessions(opening(store), lambda: clock[0])
        await revoked.poll()
        assert "session-1" not in revoked
        await store.put([revoked_row("session-1", NOW_S + 60, NOW_S)])
        await revoked.poll()
        assert "session-1" in revoked
        assert "session-2" not in revoked
        clock[0] += 60
        await revoked.poll()
        assert "session-1" not in revoked

    with_store(tmp_path, test)


def test_more_sessions_than_a_page_are_all_known(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        rows = [revoked_row(f"session-{number:05d}", NOW_S + 60, NOW_S) for number in range(2500)]
        for at in range(0, len(rows), 100):
            await store.put(rows[at : at + 100])
        revoked = RevokedSessions(opening(store), lambda: NOW_S)
        await revoked.poll()
        assert len(revoked) == 2500
        assert {"session-00000", "session-00999", "session-01000", "session-02499"} <= {row.sort for row in rows if row.sort in revoked}

    with_store(tmp_path, test)


class Flaky:
    """A store that is away when told; the rest is the real one's."""

    def __init__(self, store: Store) -> None:
        self.store, self.away = store, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def scan(self, *args: Any, **options: Any) -> list[Row]:
        if self.away:
            raise StoreUnavailable
        return await self.store.scan(*args, **options)


def test_the_last_set_stays_while_the_store_is_away(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        flaky = Flaky(store)
        revoked = RevokedSessions(opening(flaky), lambda: NOW_S)
        await store.put([revoked_row("session-1", NOW_S + 60, NOW_S)])
        await revoked.poll()
        flaky.away = True
        with pytest.raises(StoreUnavailable):
            await revoked.poll()
        assert "session-1" in revoked

    with_store(tmp_path, test)


def test_following_outlives_a_store_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.edge.revocation.POLL_S", 0.001)

    async def test(store: Store) -> None:
        tries = 0

        async def open_at_the_third() -> Store:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise StoreUnavailable
            return store

        await store.put([revoked_row("session-1", NOW_S + 60, NOW_S)])
        revoked = RevokedSessions(open_at_the_third, lambda: NOW_S)
        following = asyncio.create_task(revoked.follow())
        await until_async(lambda: "session-1" in revoked)
        following.cancel()
        assert tries == 3

    with_store(tmp_path, test)
