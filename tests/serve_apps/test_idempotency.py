"""The same Idempotency-Key creates once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cluster.durable import Mode, Table, open_store
from cluster.errors import AccountExists, IdempotencyKeyReused, Indeterminate
from serve_apps.idempotency import KEPT_S, TAKEOVER_AFTER_S, Answer, Idempotency

REQUESTS = Table("requests", Mode.LINEAR, group="test")


class World:
    def __init__(self, idempotency: Idempotency) -> None:
        self.idempotency = idempotency
        self.done: list[str] = []
        self.now_s = 1_800_000_000.0

    async def post(self, key: str | None, body: bytes = b"{}", account: str = "a", route: str = "things") -> Answer:
        return await self.idempotency.once_as(account, route, key, body, self.create)

    async def create(self, operation_id: str) -> Answer:
        self.done.append(operation_id)
        await asyncio.sleep(0.01)
        return 201, f'{{"n": {len(self.done)}}}'.encode()


def in_world(tmp_path: Path, run: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        holder: list[World] = []
        store = await open_store(f"sqlite:{tmp_path}", REQUESTS, lambda: holder[0].now_s if holder else 0)
        holder.append(World(Idempotency(store, lambda: holder[0].now_s)))
        await run(holder[0])
        await store.close()

    asyncio.run(main())


def test_fifty_at_once_create_one_thing_and_get_one_answer(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        answers = await asyncio.gather(*(world.post("k") for _ in range(50)))
        assert set(answers) == {(201, b'{"n": 1}')}
        assert len(world.done) == 1

    in_world(tmp_path, run)


def test_without_a_key_each_request_creates(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        assert await world.post(None) != await world.post(None)

    in_world(tmp_path, run)


def test_a_key_belongs_to_account_and_route(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        for account, route in (("a", "r"), ("b", "r"), ("a", "s")):
            await world.post("k", account=account, route=route)
        assert len(world.done) == 3

    in_world(tmp_path, run)


def test_another_body_is_refused(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        await world.post("k", b"1")
        with pytest.raises(IdempotencyKeyReused):
            await world.post("k", b"2")

    in_world(tmp_path, run)


def test_a_key_is_free_again_after_a_day(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        await world.post("k", b"1")
        world.now_s += KEPT_S + 1
        await world.post("k", b"2")
        assert len(world.done) == 2

    in_world(tmp_path, run)


def test_a_refused_request_leaves_nothing_behind(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        async def refused() -> Answer:
            raise AccountExists

        with pytest.raises(AccountExists):
            await world.idempotency.once("a", "things", "k", b"{}", refused)
        assert await world.post("k") == (201, b'{"n": 1}')

    in_world(tmp_path, run)


def test_after_an_unknown_outcome_the_same_operation_id_is_used_again(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        async def lost(operation_id: str) -> Answer:
            world.done.append(operation_id)
            raise Indeterminate

        with pytest.raises(Indeterminate):
            await world.idempotency.once_as("a", "things", "k", b"{}", lost)
        await world.post("k")
        assert len(world.done) == 2
        assert len(set(world.done)) == 1

    in_world(tmp_path, run)


def test_a_request_that_died_is_taken_over_under_its_operation_id(tmp_path: Path) -> None:
    async def run(world: World) -> None:
        class Died(BaseException):
            pass

        async def dies(operation_id: str) -> Answer:
            world.done.append(operation_id)
            raise Died

        with pytest.raises(Died):
            await world.idempotency.once_as("a", "things", "k", b"{}", dies)
        world.now_s += TAKEOVER_AFTER_S
        await world.post("k")
        assert len(set(world.done)) == 1

    in_world(tmp_path, run)
