"""Plays are counted by title and day, fade after a week, and name nobody."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.outbox_relay import OutboxRelay
from actors.processors import PLAYS, results
from actors.processors.plays import DAY_S, DAYS, day_of, expires_at_s, keys
from actors.sessions.shard import SessionShard
from actors.sessions.stream import Start, Stop
from actors.sessions.tables import open_tables
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.events import PLAYBACK, Event
from cluster.settings import Settings
from tests.actors.processors.world import World, applied, in_world
from tests.clock import Clock


def play(kind: str = "session.started", day: float = 100, title_id: str = "t", **value: Any) -> Event:
    told = {"account_id": "secret", "title_id": title_id, "kind": "film", "duration_s": 100.0, "position_s": 0.0, **value}
    return Event(PLAYBACK.name, kind, "secret", 1, day * DAY_S, told)


def counted(*plays: Event) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for each in plays:
        rows |= applied(PLAYS, rows, each)
    return {key: row["days"] for key, row in rows.items()}


def test_a_start_counts_and_an_end_counts_where_nearly_all_was_watched() -> None:
    assert counted(
        play(),
        play(),
        play("session.ended", position_s=94.9),
        play("session.ended", position_s=95.0),
        play(title_id="u"),
    ) == {"t": {"100": [2, 1]}, "u": {"100": [1, 0]}}


def test_trailers_and_other_facts_do_not_count() -> None:
    assert keys(play("session.seen")) == []
    assert keys(msgspec.structs.replace(play(), value={**play().value, "kind": "trailer"})) == []
    assert keys(msgspec.structs.replace(play(), value={**play().value, "kind": "episode"})) == ["t"]


@given(st.lists(st.integers(90, 110), max_size=40))
def test_only_the_last_days_are_kept_in_whatever_order_they_come(days: list[int]) -> None:
    found = counted(*(play(day=day + 0.5) for day in days)).get("t", {})
    newest = max(days, default=0)
    assert set(found) <= {str(day) for day in days if day > newest - DAYS}
    assert not days or found[str(newest)] == [days.count(newest), 0]
    assert not days or expires_at_s("t", {"days": found}) == (newest + DAYS + 1) * DAY_S


def test_what_sessions_publish_is_counted_and_names_nobody(tmp_path: Path) -> None:
    clock = Clock()
    settings = Settings(data=tmp_path, store=f"sqlite:{tmp_path / 'store'}", log=f"sqlite:{tmp_path / 'log'}")

    async def scenario(world: World) -> None:
        shard = SessionShard(0, 1, partial(open_tables, settings, clock), settings.lease_s, clock)
        for number in range(3):
            account = f"account-{number}"
            start = Start(f"s{number}", account, "device", "profile", "t", "t", "film", "A Film", 0, 100.0, None, 0.0, 2, clock() + 1000.0)
            await shard.start(start)
            if number:
                await shard.stop(Stop(account, start.session_id, "device", "profile", 99.0 * (number - 1)))
        await shard.close()
        relay = OutboxRelay(
            partial(open_store, settings.store, HINTS, clock),
            partial(open_store, settings.store, now_s=clock),
            partial(open_log, settings.log, clock),
            clock,
        )
        assert await relay.run_once() == 5
        await relay.close()
        assert await world.processor(processor=PLAYS).run_once() == 5
        sums = [0, 0]
        for partition in range(PLAYBACK.partitions):
            for title_id, row in await results.rows(world.store, PLAYS.name, partition):
                assert title_id == "t"
                (counts,) = row["days"].values()
                assert list(row) == ["days"]
                assert list(row["days"]) == [str(day_of(clock()))]
                sums = [sums[0] + counts[0], sums[1] + counts[1]]
            for row in await world.store.scan(f"plays/{partition:03d}"):
                assert "account-" not in f"{row}"
                assert "profile" not in f"{row}"
        assert sums == [3, 1]
        clock.advance((DAYS + 2) * DAY_S)
        assert [await results.rows(world.store, PLAYS.name, partition) for partition in range(16)] == [[]] * 16

    in_world(tmp_path, scenario, clock)


def test_a_week_of_plays_is_merged_from_all_partitions(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        events = [msgspec.structs.replace(play(day=100 + at % 3), key=f"account-{at}") for at in range(60)]
        await world.log.append(PLAYBACK, events)
        await world.processor(processor=PLAYS, instance=0, instances=2).run_once()
        await world.processor(processor=PLAYS, instance=1, instances=2).run_once()
        found = await asyncio.gather(*(results.rows(world.store, PLAYS.name, each) for each in range(PLAYBACK.partitions)))
        assert sum(count[0] for each in found for _, row in each for count in row["days"].values()) == 60

    in_world(tmp_path, scenario, Clock(102 * DAY_S))
