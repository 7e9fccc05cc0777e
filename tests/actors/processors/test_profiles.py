"""What a profile watched: the same as the fold of the log, whatever comes again, and gone with the profile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from actors.outbox_relay import OutboxRelay
from actors.processors import PROFILES, results
from actors.processors.profiles import (
    FORGOTTEN,
    KEPT_S,
    PLAYS_LIMIT,
    SEEN_LIMIT,
    Play,
    ProfileState,
    digest,
    expires_at_s,
    keys,
    partition_for,
    state_of,
)
from actors.sessions.shard import SessionShard
from actors.sessions.stream import Start, Stop
from actors.sessions.tables import open_tables
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.events import PLAYBACK, Event
from cluster.settings import Settings
from tests.actors.processors.world import World, applied, in_world
from tests.clock import Clock


def started(version: int, title_id: str = "t", at_s: float = 1000.0, profile_id: str = "p", account_id: str = "anna", **told: Any) -> Event:
    value = {"account_id": account_id, "profile_id": profile_id, "title_id": title_id, "kind": "film", "duration_s": 100.0}
    return Event(PLAYBACK.name, "session.started", account_id, version, at_s, {**value, "position_s": 0.0, **told})


def ended(version: int, position_s: float, title_id: str = "t", at_s: float = 1000.0, profile_id: str = "p", **told: Any) -> Event:
    begun = started(version, title_id, at_s + position_s, profile_id, position_s=position_s, started_at_s=at_s, **told)
    return msgspec.structs.replace(begun, kind="session.ended")


def forgotten(version: int, profile_id: str = "p", account_id: str = "anna") -> Event:
    return Event(PLAYBACK.name, FORGOTTEN, account_id, version, 0.0, {"account_id": account_id, "profile_id": profile_id})


def folded(events: Sequence[Event]) -> dict[str, ProfileState]:
    rows: dict[str, Any] = {}
    for event in events:
        rows |= applied(PROFILES, rows, event)
    return {key: state_of(row) for key, row in rows.items() if row is not None}


def test_a_play_is_there_when_it_begins_and_says_how_far_it_got_when_it_ends() -> None:
    assert folded([started(1)])["p"].plays == (Play("t", 1000, 0),)
    state = folded([started(1), ended(2, 62.5), started(3, "u", 2000.0)])["p"]
    assert state.plays == (Play("t", 1000, 62), Play("u", 2000, 0))
    assert state.has_seen("t")
    assert state.has_seen("u")
    assert not state.has_seen("v")


def test_an_end_whose_start_is_no_longer_in_the_log_is_a_play_all_the_same() -> None:
    assert folded([ended(9, 100.0)])["p"].plays == (Play("t", 1000, 100),)


def test_two_plays_of_one_title_are_two_and_one_without_a_length_got_nowhere() -> None:
    assert folded([started(1), started(2, at_s=5000.0, duration_s=0.0)])["p"].plays == (Play("t", 1000, 0), Play("t", 5000, 0))


def test_trailers_and_other_facts_are_nobodys_plays() -> None:
    assert keys(started(1, kind="trailer")) == []
    assert keys(msgspec.structs.replace(started(1), kind="session.seen")) == []
    assert keys(started(1, kind="episode")) == ["p"]


def test_a_history_that_is_forgotten_leaves_nothing_and_the_others_stay() -> None:
    states = folded([started(1), started(2, profile_id="q"), forgotten(3)])
    assert states.keys() == {"q"}
    assert folded([started(1), forgotten(2), started(3, "u")])["p"].plays == (Play("u", 1000, 0),)


def test_a_row_is_bounded_however_much_is_watched() -> None:
    ids = [f"{number:032x}" for number in range(SEEN_LIMIT + 300)]
    row: Any = None
    for number, title_id in enumerate(ids):
        row = applied(PROFILES, {"p": row}, started(number, title_id, 1_700_000_000.0 + 60 * number, duration_s=1.0, position_s=1.0))["p"]
    state = state_of(row)
    assert [play.title_id for play in state.plays] == ids[-PLAYS_LIMIT:]
    assert state.digests == [digest(title_id) for title_id in ids[-SEEN_LIMIT:]]
    assert len(state.seen) <= 8 << 10
    assert len(msgspec.json.encode(row)) < 16_000
    assert expires_at_s("p", row) == state.plays[-1].begun_at_s + KEPT_S


moves = st.lists(
    st.tuples(
        st.sampled_from(["start", "end", "forget"]), st.sampled_from("pq"), st.sampled_from("tuvw"), st.integers(0, 30), st.integers(0, 100)
    ),
    max_size=40,
)


def history(moved: Sequence[tuple[str, str, str, int, int]]) -> list[Event]:
    """Return what an account publishes: versions count up."""
    events = []
    for version, (what, profile_id, title_id, at_s, position_s) in enumerate(moved, 1):
        match what:
            case "start":
                events.append(started(version, title_id, float(at_s), profile_id))
            case "end":
                events.append(ended(version, float(position_s), title_id, float(at_s), profile_id))
            case "forget":
                events.append(forgotten(version, profile_id))
    return events


@given(moves)
def test_the_state_is_what_was_played_since_it_was_last_forgotten(moved: list[tuple[str, str, str, int, int]]) -> None:
    expected: dict[str, dict[tuple[str, int], int]] = {}
    latest: dict[str, list[str]] = {}
    for what, profile_id, title_id, at_s, position_s in moved:
        if what == "forget":
            expected.pop(profile_id, None)
            latest.pop(profile_id, None)
            continue
        expected.setdefault(profile_id, {})[title_id, at_s] = position_s if what == "end" else 0
        latest[profile_id] = [each for each in latest.get(profile_id, []) if each != title_id] + [title_id]
    states = folded(history(moved))
    assert {key: {(play.title_id, play.begun_at_s): play.percent for play in state.plays} for key, state in states.items()} == expected
    assert {key: state.digests for key, state in states.items()} == {key: [*map(digest, titles)] for key, titles in latest.items()}
    for state in states.values():
        assert [play.begun_at_s for play in state.plays] == sorted(play.begun_at_s for play in state.plays)


async def stored(world: World, account_id: str = "anna") -> dict[str, ProfileState]:
    found = await results.rows(world.store, PROFILES.name, partition_for(account_id))
    return {key: state_of(value) for key, value in found}


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moved=moves, again=st.lists(st.integers(0, 39), max_size=10), upto=st.integers(0, 40))
def test_whatever_comes_again_and_is_replayed_what_is_stored_is_the_fold_of_the_log(
    tmp_path_factory: pytest.TempPathFactory, moved: list[tuple[str, str, str, int, int]], again: list[int], upto: int
) -> None:
    events = history(moved)
    told = list(events)
    for number in again:
        if number < len(events):
            told.insert(told.index(events[number]) + 1, events[number])

    async def scenario(world: World) -> None:
        processor = world.processor(processor=PROFILES)
        await world.log.append(PLAYBACK, told[:upto])
        await processor.run_once()
        await world.log.append(PLAYBACK, told[upto:])
        await world.log.append(PLAYBACK, events[:upto])  # a relay that was restarted publishes once more
        await processor.run_once()
        assert await stored(world) == folded(events)
        await results.replay(world.store, PROFILES, partition_for("anna"))
        assert await stored(world) == {}
        await world.processor(processor=PROFILES).run_once()
        assert await stored(world) == folded(events)
        for profile_id, state in folded(events).items():
            assert state_of(await results.row(world.store, PROFILES.name, partition_for("anna"), profile_id)) == state
        assert await results.row(world.store, PROFILES.name, partition_for("anna"), "nobody") is None

    in_world(tmp_path_factory.mktemp("world"), scenario, Clock(1000.0))  # as long ago as the plays, which are not kept for ever


def test_what_sessions_publish_is_kept_until_the_profile_is_deleted(tmp_path: Path) -> None:
    clock = Clock()
    settings = Settings(data=tmp_path, store=f"sqlite:{tmp_path / 'store'}", log=f"sqlite:{tmp_path / 'log'}")

    async def scenario(world: World) -> None:
        relay = OutboxRelay(
            partial(open_store, settings.store, HINTS, clock),
            partial(open_store, settings.store, now_s=clock),
            partial(open_log, settings.log, clock),
            clock,
        )
        processor = world.processor(processor=PROFILES)
        shard = SessionShard(0, 1, partial(open_tables, settings, clock), settings.lease_s, clock)

        async def states() -> dict[str, ProfileState]:
            await relay.run_once()
            await processor.run_once()
            return await stored(world)

        for number, profile_id in enumerate(("kid", "adult")):
            device = f"device-{number}"
            start = Start(f"s{number}", "anna", device, profile_id, "t", "t", "film", "A Film", 0, 100.0, None, 0.0, 2, clock() + 1000.0)
            await shard.start(start)
        assert {key: [play.percent for play in state.plays] for key, state in (await states()).items()} == {"kid": [0], "adult": [0]}
        await shard.stop(Stop("anna", "s0", "device-0", "kid", 50.0))
        assert [play.percent for play in (await states())["kid"].plays] == [50]
        for _ in range(2):
            await shard.end_all("anna", "adult")
            assert (await states()).keys() == {"kid"}
        await shard.end_all("anna", "kid")
        assert await states() == {}
        await shard.end_all("ben", "nobody")  # who never played has nothing to forget
        assert await relay.run_once() == 0
        await shard.close()
        await relay.close()

    in_world(tmp_path, scenario, clock)
