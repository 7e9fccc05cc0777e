"""Real actors killed with -9 under load: nothing acknowledged is lost, never more streams than the limit, and they are back soon."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from actors.sessions.client import Sessions, names, start_all
from actors.sessions.policy import partition_of
from actors.sessions.rows import read_place
from actors.sessions.stream import ShardStatus, Start
from actors.sessions.tables import PLACES, STREAM, STREAMS, place_sort
from cluster.durable import Store, open_store
from cluster.edge.revocation import PARTITION, REVOKED_SESSIONS
from cluster.errors import SessionNotFound, StreamLimitReached
from cluster.security.revocation import REVOKED_DEVICES, revoke
from cluster.settings import Settings, load
from tests.actors.sessions.world import beat, start, stop

pytestmark = pytest.mark.ray

KILLS = 2
PLAYERS = 24
LIMIT = 2
BACK_WITHIN_S = 5.0


@pytest.fixture
def cluster(ray_cluster: Any, tmp_path: Path) -> Iterator[tuple[Any, Settings]]:
    settings = load(data=tmp_path, session_shards=2)
    yield ray_cluster, settings
    for name in names(settings):
        with suppress(ValueError):
            ray_cluster.kill(ray_cluster.get_actor(name, namespace="matinee"), no_restart=True)


class Load:
    """Players that beat, and devices that fight for the streams of one account; each remembers what it was told."""

    def __init__(self, sessions: Sessions, shard: int) -> None:
        self.sessions = sessions
        accounts = (f"account-{number}" for number in range(100_000))
        mine = [
            account for account, _ in zip((each for each in accounts if partition_of(each) % 2 == shard), range(PLAYERS + 1), strict=False)
        ]
        self.players = [start(f"player-{number}", account=account) for number, account in enumerate(mine[:-1])]
        self.contested = mine[-1]
        self.acknowledged: dict[str, tuple[int, float]] = {}
        self.last_answer_s = 0.0
        self.refused = self.granted = 0
        self.ending = asyncio.Event()

    @property
    def beats(self) -> int:
        return sum(sequence for sequence, _ in self.acknowledged.values())

    async def play(self, player: Start) -> None:
        await self.sessions.start(player)
        sequence = 0
        while not self.ending.is_set():
            sequence += 1
            position_s = sequence / 100
            saved = await self.sessions.beat(beat(player, sequence, position_s))  # an error here fails the test
            assert saved.sequence == sequence
            self.acknowledged[player.session_id] = sequence, position_s
            self.last_answer_s = time.monotonic()
            await asyncio.sleep(0.05)

    async def fight(self, device: int) -> None:
        attempt = 0
        while not self.ending.is_set():
            attempt += 1
            wish = start(f"device-{device}-{attempt}", account=self.contested, device=f"device-{device}", limit=LIMIT)
            try:
                await self.sessions.start(wish)
                self.granted += 1
                with suppress(SessionNotFound):
                    await self.sessions.beat(beat(wish, 1, 1.0))
                await self.sessions.stop(stop(wish, 2.0))
            except StreamLimitReached as refused:
                assert len(refused.fields["streams"]) == LIMIT
                self.refused += 1
            await asyncio.sleep(0.02)


async def never_more_than_the_limit(streams: Store, load_: Load) -> None:
    while not load_.ending.is_set():
        rows = await streams.scan(load_.contested, STREAM)
        assert len(rows) <= LIMIT, [row.value for row in rows]
        await asyncio.sleep(0.005)


async def until(reached: Callable[[], bool]) -> None:
    for _ in iter(reached, True):
        await asyncio.sleep(0.01)


async def statuses(settings: Settings) -> list[ShardStatus]:
    return [await actor.status.remote() for actor in start_all(settings)]


async def pid_of(ray: Any, name: str) -> int:
    pid: int = await ray.get_actor(name, namespace="matinee").__ray_call__.remote(lambda _: os.getpid())
    return pid


def test_a_killed_shard_loses_no_acknowledged_place_and_grants_no_stream_too_many(cluster: tuple[Any, Settings]) -> None:
    ray, settings = cluster
    back_s: list[float] = []

    async def scene() -> None:
        start_all(settings)
        sessions = Sessions.on_ray(settings)
        async with AsyncExitStack() as opened:
            streams, places = await open_store(settings.store, STREAMS), await open_store(settings.store, PLACES)
            opened.push_async_callback(streams.close)
            opened.push_async_callback(places.close)
            opened.push_async_callback(sessions.close)
            load_ = Load(sessions, shard=0)
            async with asyncio.TaskGroup() as tasks:
                for player in load_.players:
                    tasks.create_task(load_.play(player))
                for device in range(4):
                    tasks.create_task(load_.fight(device))
                tasks.create_task(never_more_than_the_limit(streams, load_))
                async with asyncio.timeout(60):
                    await until(lambda: len(load_.acknowledged) == PLAYERS)
                    for _ in range(KILLS):
                        victim = await pid_of(ray, names(settings)[0])
                        os.kill(victim, signal.SIGKILL)
                        killed_s = time.monotonic()
                        await asyncio.sleep(0.2)  # answers that were on their way have arrived
                        await until(lambda: load_.last_answer_s > killed_s + 0.2)  # noqa: B023 -- awaited at once
                        back_s.append(load_.last_answer_s - killed_s)
                        assert await pid_of(ray, names(settings)[0]) != victim
                        enough = load_.beats + 5 * PLAYERS
                        await until(lambda: load_.beats >= enough)  # noqa: B023 -- awaited at once
                    await until(lambda: load_.granted > 20 and load_.refused > 0)
                load_.ending.set()
            for player in load_.players:
                row = await places.get(player.account_id, place_sort(player.profile_id, player.playable_id))
                assert row is not None
                assert read_place(row).position_s == load_.acknowledged[player.session_id][1]
            assert sum(shard.live_streams for shard in await statuses(settings)) >= PLAYERS

    asyncio.run(scene())
    print("back after", [f"{seconds:.2f} s" for seconds in back_s])
    assert max(back_s) <= BACK_WITHIN_S, back_s


def test_a_killed_shard_ends_the_streams_of_signed_out_devices_though_nobody_calls(cluster: tuple[Any, Settings]) -> None:
    ray, settings = cluster

    async def scene() -> None:
        sessions = Sessions.on_ray(settings)
        player = start("one", device="stolen")
        await sessions.start(player)
        await sessions.close()
        name = names(settings)[partition_of(player.account_id) % settings.session_shards]
        os.kill(await pid_of(ray, name), signal.SIGKILL)
        devices, shut_out = await open_store(settings.store, REVOKED_DEVICES), await open_store(settings.store, REVOKED_SESSIONS)
        await revoke(devices, ["stolen"], time.time())
        for _ in range(600):
            if await shut_out.get(PARTITION, "one") is not None:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("a signed-out device watches on")
        await devices.close()
        await shut_out.close()

    asyncio.run(scene())


def test_shards_are_made_once_and_found_by_their_names(cluster: tuple[Any, Settings]) -> None:
    ray, settings = cluster

    async def scene() -> None:
        before = [shard.epoch for shard in await statuses(settings)]
        assert all(before)
        for sessions in (Sessions.on_ray(settings), Sessions.on_ray(settings)):
            for account in range(20):
                await sessions.live(f"account-{account}")
        assert [shard.epoch for shard in await statuses(settings)] == before
        assert {each["name"] for each in ray.util.list_named_actors(all_namespaces=True)} >= set(names(settings))

    asyncio.run(scene())


def test_an_actor_that_was_removed_for_good_is_made_anew(cluster: tuple[Any, Settings]) -> None:
    ray, settings = cluster

    async def scene() -> None:
        start_all(settings)
        sessions = Sessions.on_ray(settings)
        player = start("one")
        await sessions.start(player)
        for actor in start_all(settings):
            ray.kill(actor, no_restart=True)
        assert (await sessions.beat(beat(player, 1, 3.0))).sequence == 1
        assert [stream.position_s for stream in await sessions.live("anna")] == [3.0]
        await sessions.close()

    asyncio.run(scene())


def test_errors_of_a_shard_arrive_as_they_are(cluster: tuple[Any, Settings]) -> None:
    _, settings = cluster

    async def scene() -> None:
        sessions = Sessions.on_ray(settings)
        await sessions.start(start("one", limit=1))
        with pytest.raises(StreamLimitReached) as refused:
            await sessions.start(start("two", limit=1))
        assert [stream["session_id"] for stream in refused.value.fields["streams"]] == ["one"]
        with pytest.raises(SessionNotFound):
            await sessions.beat(beat(start("never"), 1))
        await sessions.close()

    asyncio.run(scene())


def test_streams_of_all_actors_are_one_list(cluster: tuple[Any, Settings]) -> None:
    _, settings = cluster

    async def scene() -> None:
        sessions = Sessions.on_ray(settings)
        accounts = [f"account-{number}" for number in range(8)]
        assert {partition_of(name) % settings.session_shards for name in accounts} == set(range(settings.session_shards))
        before = await sessions.live_total()
        for name in accounts:
            await sessions.start(start(f"session-of-{name}", account=name))
        page = await sessions.streams(3)
        assert [each.account_id for each in page.items] == accounts[:-4:-1]
        assert page.total == await sessions.live_total() == before + 8
        await sessions.close()

    asyncio.run(scene())
