from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.sessions.draft import ENDED_KEPT_S
from actors.sessions.locks import WAITING_LIMIT
from actors.sessions.policy import REVIVABLE_LEASES
from actors.sessions.shard import SessionShard
from actors.sessions.stream import LAST_SEQUENCE, Saved, Start, Stop, StreamPage
from actors.sessions.tables import PLACES, STREAM, STREAMS, live_partition
from cluster.errors import CorruptData, Fenced, Overloaded, SessionNotFound, StreamLimitReached
from cluster.security.revocation import REVOKED_DEVICES, revoke
from tests.actors.sessions.stores import CALL, Call
from tests.actors.sessions.world import LEASE_S, World, beat, run, start, stop

Scene = Callable[[World], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    return lambda scene: run(tmp_path, scene)


def test_a_refused_start_names_the_live_streams(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        await shard.start(start("one"))
        await shard.start(start("two", playable="series"))
        with pytest.raises(StreamLimitReached) as refused:
            await shard.start(start("three"))
        assert refused.value.fields["limit"] == 2
        assert [stream["name"] for stream in refused.value.fields["streams"]] == ["Series", "Film"]
        assert not await world.rows("anna", f"{STREAM}device-of-three")

    play(scene)


def test_a_second_start_on_a_device_replaces_its_first_and_shuts_it_out(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first, second = start("first", device="tv"), start("second", device="tv")
        await shard.start(first)
        await shard.start(second)
        assert await shard.beat([beat(first, 1)]) == [None]
        assert [stream.session_id for stream in await shard.live("anna")] == ["second"]
        assert await world.shut_out("first")
        assert not await world.shut_out("second")

    play(scene)


def test_a_repeated_start_changes_nothing_even_when_its_session_has_ended(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        assert await shard.start(first) == await shard.start(first)
        await shard.stop(stop(first))
        await shard.start(first)
        assert await shard.live("anna") == []
        assert [fact.kind for fact in await world.facts("anna")] == ["session.started", "session.ended"]

    play(scene)


def test_a_stop_may_be_repeated_and_an_unknown_one_is_not_found(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.stop(stop(first, 40.0))
        newer = world.shard()
        await newer.stop(stop(first, 40.0))
        with pytest.raises(SessionNotFound):
            await newer.stop(stop(start("never")))
        world.clock.advance(ENDED_KEPT_S + 1)
        with pytest.raises(SessionNotFound):
            await world.shard().stop(stop(first))

    play(scene)


def test_whoever_stops_another_device_frees_its_stream_but_knows_no_place(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first", limit=1)
        await shard.start(first)
        await shard.beat([beat(first, 1, 30.0)])
        await shard.stop(stop(first, 99.0, device="phone"))
        await shard.start(start("second", limit=1))
        place = await world.place(first)
        assert place is not None
        assert place.position_s == 30.0
        assert await world.shut_out("first")

    play(scene)


def test_whoever_stops_is_shut_out_too_so_that_a_freed_slot_plays_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first", limit=1)
        await shard.start(first)
        await shard.stop(stop(first))
        assert await world.shut_out("first")
        await shard.start(start("second", limit=1))
        assert not await world.shut_out("second")

    play(scene)


async def end_by_replacing(shard: SessionShard, world: World, first: Start) -> None:
    await shard.start(start("replacing", device=first.device_id, playable="other"))


async def end_by_silence(shard: SessionShard, world: World, first: Start) -> None:
    world.clock.advance(LEASE_S * (REVIVABLE_LEASES + 1))
    await shard.sweep()


async def end_by_another_device(shard: SessionShard, world: World, first: Start) -> None:
    await shard.stop(stop(first, device="elsewhere"))


@pytest.mark.parametrize("end", [end_by_replacing, end_by_silence, end_by_another_device])
def test_a_player_that_stops_after_its_session_has_ended_still_says_where(
    play: Callable[[Scene], None], end: Callable[[SessionShard, World, Start], Awaitable[None]]
) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.beat([beat(first, 1, 30.0)])
        await end(shard, world, first)
        ended_at_s = world.clock()
        world.clock.advance(60)
        await shard.stop(stop(first, 99.0, device="elsewhere"))
        assert (await world.place(first) or pytest.fail()).position_s == 30.0
        for _ in range(2):
            await shard.stop(stop(first, 55.0))
            place = await world.place(first) or pytest.fail()
            assert (place.position_s, place.updated_at_s) == (55.0, ended_at_s)

    play(scene)


def test_a_late_stop_overrides_no_newer_place(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first, second = start("first", device="tv"), start("second", device="tv")
        await shard.start(first)
        await shard.beat([beat(first, 1, 30.0)])
        await shard.start(second)
        await shard.beat([beat(second, 1, 70.0)])
        await shard.stop(stop(first, 31.0))
        assert (await world.place(first) or pytest.fail()).position_s == 70.0

    play(scene)


def test_a_stop_that_comes_again_does_not_move_the_place(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.stop(stop(first, 40.0))
        world.clock.advance(60)
        before = await world.place(first)
        await shard.stop(stop(first, 40.0))
        assert await world.place(first) == before

    play(scene)


def test_nothing_of_a_stopped_session_comes_after_its_stop(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.beat([beat(first, 1, 10.0)])
        await shard.stop(stop(first, 55.0))
        assert await shard.beat([beat(first, 2, 20.0)]) == [None]
        place = await world.place(first)
        assert place is not None
        assert place.position_s == 55.0
        rows = await (await world.store(PLACES)).scan("anna", "place/")
        assert rows[0].version & LAST_SEQUENCE == LAST_SEQUENCE

    play(scene)


def test_heartbeats_that_come_together_are_each_saved(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        ours = [start(f"session-{number}", account=f"account-{number}") for number in range(30)]
        await asyncio.gather(*(shard.start(each) for each in ours))
        stranger = start("stranger", account="account-0")
        answers = await shard.beat([*(beat(each, 1, float(n)) for n, each in enumerate(ours)), beat(stranger, 1), beat(ours[3], 2, 77.0)])
        assert [answer.sequence if isinstance(answer, Saved) else answer for answer in answers] == [1, 1, 1, 2, *[1] * 26, None, 2]
        places = [await world.place(each) for each in ours]
        assert [place.position_s if place else None for place in places] == [0.0, 1.0, 2.0, 77.0, *map(float, range(4, 30))]

    play(scene)


def test_a_heartbeat_of_another_device_or_profile_is_refused(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first", device="tv", profile="adult")
        await shard.start(first)
        others = [start("first", device="phone"), start("first", device="tv", profile="kid"), start("first", device="tv", account="ben")]
        assert await shard.beat([beat(each, 1, 50.0) for each in others]) == [None, None, None]
        assert await world.place(first) is None

    play(scene)


def test_a_lease_that_ran_out_is_taken_anew_if_the_slot_is_free(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first", limit=1)
        await shard.start(first)
        world.clock.advance(LEASE_S * 3)
        assert await shard.live("anna") == []
        [answer] = await shard.beat([beat(first, 1, 30.0)])
        assert isinstance(answer, Saved)
        assert answer.lease_s == LEASE_S
        with pytest.raises(StreamLimitReached):
            await shard.start(start("second", limit=1))

    play(scene)


def test_a_lease_that_ran_out_is_lost_once_the_slot_is_taken(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first", limit=1)
        await shard.start(first)
        world.clock.advance(LEASE_S + 1)
        await shard.start(start("second", limit=1))
        assert await shard.beat([beat(first, 1, 30.0)]) == [None]
        assert await world.shut_out("first")

    play(scene)


def test_a_new_owner_reads_back_what_was_acknowledged(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first, second = start("first"), start("second")
        await shard.start(first)
        await shard.start(second)
        world.clock.advance(20)
        await shard.beat([beat(first, 7, 70.0)])
        world.clock.advance(20)  # the second has not been heard of for 40 s, the first for 20 s
        restarted = world.shard()
        assert [stream.session_id for stream in await restarted.live("anna")] == ["first"]
        [answer] = await restarted.beat([beat(first, 7, 70.0)])
        assert isinstance(answer, Saved)
        assert answer.sequence == 7
        assert (await restarted.status()).live_streams == 1

    play(scene)


def test_leases_that_were_live_at_a_restart_are_lengthened_once(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        await world.shard().start(start("first"))
        world.clock.advance(LEASE_S - 1)
        restarted = world.shard()
        await restarted.status()  # takes over, and reads the account only later
        world.clock.advance(LEASE_S - 1)
        assert len(await restarted.live("anna")) == 1
        world.clock.advance(2)
        assert await restarted.live("anna") == []

    play(scene)


def test_a_player_is_promised_only_what_the_next_owner_will_know(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        first = start("first")
        before = world.shard()
        await before.start(first)
        await before.beat([beat(first, 1)])
        world.clock.advance(LEASE_S - 10)
        [repeated] = await world.shard().beat([beat(first, 1)])
        assert isinstance(repeated, Saved)
        assert repeated.lease_s == 10

    play(scene)


@pytest.mark.parametrize("asked", ["start", "beat", "stop", "live"])
def test_a_superseded_owner_is_refused_and_starts_over_when_asked_again(play: Callable[[Scene], None], asked: str) -> None:
    async def scene(world: World) -> None:
        old, new = world.shard(), world.shard()
        first = start("first")
        await old.start(first)
        await new.live("anna")
        ask: dict[str, Callable[[], Awaitable[object]]] = {
            "start": lambda: old.start(start("second", account="ben")),
            "beat": lambda: old.beat([beat(first, 1)]),
            "stop": lambda: old.stop(stop(first)),
            "live": lambda: old.live("anna"),
        }
        with pytest.raises(Fenced):
            await ask[asked]()
        await ask[asked]()
        assert (await old.status()).epoch == 3
        with pytest.raises(Fenced):
            await new.live("anna")

    play(scene)


def test_another_number_of_shards_takes_all_over(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        first = start("first", limit=1)
        alone = world.shard(0, 1)
        await alone.start(first)
        several = [world.shard(number, 3) for number in range(3)]
        for shard in several:
            await shard.status()
        with pytest.raises(Fenced):
            await alone.beat([beat(first, 1)])
        with pytest.raises(StreamLimitReached):
            await several[1].start(start("second", limit=1))
        assert len({(await shard.status()).epoch for shard in several}) == 3

    play(scene)


def test_a_sweep_ends_what_was_not_heard_of_for_long_and_forgets_the_account(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.beat([beat(first, 1, 42.0)])
        world.clock.advance(LEASE_S * (REVIVABLE_LEASES - 1))
        await shard.sweep()
        assert (await shard.status()).accounts == 1
        world.clock.advance(LEASE_S)
        await shard.sweep()
        await shard.sweep()
        assert (await shard.status()).accounts == 0
        ended = (await world.facts("anna"))[-1]
        assert (ended.kind, ended.value["ending"], ended.value["position_s"]) == ("session.ended", "silent", 42.0)
        assert await world.shut_out("first")
        assert await shard.beat([beat(first, 2)]) == [None]

    play(scene)


def test_the_next_owner_ends_streams_of_accounts_that_nobody_asks_for(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        before = world.shard()
        await asyncio.gather(*(before.start(start(f"session-{n}", account=f"account-{n}")) for n in range(20)))
        restarted = world.shard()
        await restarted.status()
        await restarted.sweep()
        assert (await restarted.status()).live_streams == 20
        world.clock.advance(LEASE_S * (REVIVABLE_LEASES + 1))
        for _ in range(2):
            await restarted.sweep()
        assert not any([await world.rows(f"account-{n}", STREAM) for n in range(20)])
        places = await world.store(PLACES)
        assert not any([await places.scan(live_partition(partition)) for partition in range(256)])

    play(scene)


def test_a_device_signed_out_elsewhere_loses_its_stream(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        devices = await world.store(REVOKED_DEVICES)
        await revoke(devices, ["stolen"], world.clock())
        shard = world.shard()
        await shard.start(start("first", device="stolen"))
        await shard.start(start("second", device="mine"))
        await shard.sweep()
        assert [stream.session_id for stream in await shard.live("anna")] == ["second"]
        assert await world.shut_out("first")
        assert (await world.facts("anna"))[-1].value["ending"] == "device-revoked"

    play(scene)


def test_a_shutting_out_that_a_crash_left_owed_is_made_up_for(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        first, freed = start("first"), start("freed")
        shard = world.shard()
        await shard.start(first)
        await shard.start(freed)
        call = Call()

        async def stepped() -> None:
            CALL.set(call)
            await shard.stop(stop(freed))

        stopping = asyncio.create_task(stepped())
        await call.reached.wait()
        while await world.rows("anna", f"{STREAM}device-of-freed"):  # until it is committed, and waits to tell the edges
            call.step()
            await asyncio.sleep(0.001)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert not await world.shut_out("freed")
        await world.shard().beat([beat(first, 1)])
        assert await world.shut_out("freed")

    play(scene)


def test_the_device_that_goes_on_decides_the_place_once_a_later_one_has_stopped(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        tv, phone = start("on-tv"), start("on-phone")
        await shard.start(tv)
        await shard.beat([beat(tv, 1, 10.0)])
        await shard.start(phone)
        await shard.beat([beat(phone, 1, 90.0)])
        await shard.beat([beat(tv, 2, 20.0)])
        assert (await world.place(tv) or pytest.fail()).position_s == 90.0
        await shard.stop(stop(phone, 91.0))
        await shard.beat([beat(tv, 3, 30.0)])
        assert (await world.place(tv) or pytest.fail()).position_s == 30.0
        restarted = world.shard()
        await restarted.beat([beat(tv, 4, 40.0)])
        assert (await world.place(tv) or pytest.fail()).position_s == 40.0

    play(scene)


def test_the_device_that_goes_on_decides_the_place_once_a_later_one_has_vanished(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        tv, phone = start("on-tv"), start("on-phone")
        await shard.start(tv)
        await shard.start(phone)
        await shard.beat([beat(phone, 1, 60.0)])
        sequence = 0
        while (await world.place(tv) or pytest.fail()).position_s == 60.0:
            sequence += 1
            assert sequence < 5, "the place is still where the phone vanished"
            world.clock.advance(LEASE_S / 3)
            assert await shard.beat([beat(tv, sequence, 20.0 + sequence)]) != [None]
        assert (await world.place(tv) or pytest.fail()).position_s == 20.0 + sequence
        restarted = world.shard()
        world.clock.advance(LEASE_S / 3)
        await restarted.stop(stop(tv, 95.0))
        assert (await world.place(tv) or pytest.fail()).position_s == 95.0

    play(scene)


def test_a_stop_alone_takes_the_place_back_from_a_device_that_has_vanished(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        tv, phone = start("on-tv"), start("on-phone")
        await shard.start(tv)
        await shard.start(phone)
        await shard.beat([beat(phone, 1, 60.0)])
        world.clock.advance(LEASE_S + 1)
        await shard.stop(stop(tv, 95.0))
        assert (await world.place(tv) or pytest.fail()).position_s == 95.0

    play(scene)


def test_the_later_device_decides_again_when_it_comes_back(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        tv, phone = start("on-tv"), start("on-phone")
        await shard.start(tv)
        await shard.start(phone)
        await shard.beat([beat(phone, 1, 60.0)])
        world.clock.advance(LEASE_S + 1)
        await shard.beat([beat(tv, 1, 20.0)])
        await shard.beat([beat(phone, 2, 61.0)])
        await shard.beat([beat(tv, 2, 21.0)])
        assert (await world.place(tv) or pytest.fail()).position_s == 61.0

    play(scene)


def test_positions_stay_inside_the_playable(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.beat([beat(first, 1, 1e6)])
        assert (await world.place(first) or pytest.fail()).position_s == 100.0

    play(scene)


def test_facts_are_numbered_in_their_order(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        for number in range(5):
            await shard.start(start(f"session-{number}", device=f"device-{number % 2}"))
        facts = await world.facts("anna")
        assert [fact.entity_version for fact in facts] == sorted({fact.entity_version for fact in facts})
        assert [fact.kind for fact in facts].count("session.started") == 5
        assert {fact.key for fact in facts} == {"anna"}

    play(scene)


def test_a_stop_that_the_next_owner_may_not_have_seen_is_not_acknowledged(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        old, new = world.shard(), world.shard()
        first = start("first")
        await old.start(first)
        call = Call()

        async def stepped() -> None:
            CALL.set(call)
            await old.stop(stop(first))

        stopping = asyncio.create_task(stepped())
        await call.reached.wait()
        assert await new.beat([beat(first, 1)]) != [None]  # takes over and reads the account, while the stop waits to be committed
        while not stopping.done():
            call.step()
            await asyncio.sleep(0.001)
        with pytest.raises(Fenced):
            await stopping
        await new.stop(stop(first))
        assert await new.beat([beat(first, 2)]) == [None]

    play(scene)


async def damage(world: World, started: Start) -> None:
    """Make an account's streams unreadable."""
    streams = await world.store(STREAMS)
    [row] = await streams.scan(started.account_id, STREAM)
    await streams.compare_and_set(row, {"session_id": started.session_id})


def test_an_account_that_cannot_be_read_harms_no_other(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        before = world.shard()
        bad, good = start("bad", account="ben"), start("good")
        await before.start(bad)
        await before.start(good)
        await damage(world, bad)
        shard = world.shard()
        failed, saved = await shard.beat([beat(bad, 1, 5.0), beat(good, 1, 5.0)])
        assert isinstance(failed, CorruptData)
        assert isinstance(saved, Saved)
        world.clock.advance(LEASE_S * (REVIVABLE_LEASES + 1))
        await shard.sweep()
        assert not await world.rows("anna", STREAM)

    play(scene)


def test_a_crowd_on_one_account_fails_no_heartbeat_of_another(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        ours, theirs = start("ours"), start("theirs", account="ben")
        await shard.start(ours)
        await shard.start(theirs)
        world.clock.advance(LEASE_S + 1)
        wishes = [start(f"wish-{number}", account="ben", device="other") for number in range(WAITING_LIMIT + 1)]
        crowd = asyncio.gather(*(shard.start(wish) for wish in wishes), return_exceptions=True)
        failed, saved = await shard.beat([beat(theirs, 1), beat(ours, 1)])
        await crowd
        assert isinstance(failed, Overloaded)
        assert isinstance(saved, Saved)

    play(scene)


def test_a_restarted_shard_sweeps_though_nobody_calls(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        await world.shard().start(start("first", device="stolen"))
        await revoke(await world.store(REVOKED_DEVICES), ["stolen"], world.clock())
        world.shard(sweep_every_s=0.01)
        for _ in range(1000):
            if await world.shut_out("first"):
                return
            await asyncio.sleep(0.01)
        pytest.fail("a signed-out device watches on")

    play(scene)


def test_a_superseded_owner_does_not_sweep_itself_back(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        old, new = world.shard(), world.shard()
        await old.start(start("first"))
        await new.live("anna")
        with pytest.raises(Fenced):
            await old.sweep()
        await old.sweep()
        await new.live("anna")

    play(scene)


def test_a_sweep_ends_nothing_that_a_heartbeat_has_just_revived(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        world.clock.advance(LEASE_S * (REVIVABLE_LEASES + 1))
        call = Call()

        async def stepped() -> object:
            CALL.set(call)
            return await shard.beat([beat(first, 1)])

        beating = asyncio.create_task(stepped())
        await call.reached.wait()  # the account is its alone until it has taken the lease anew
        sweeping = asyncio.create_task(shard.sweep())
        while not beating.done():
            call.step()
            await asyncio.sleep(0.001)
        await sweeping
        assert await beating != [None]
        assert await shard.beat([beat(first, 2)]) != [None]

    play(scene)


def test_a_superseded_owner_does_not_deny_what_the_new_one_has_started(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        old, new = world.shard(), world.shard()
        await old.start(start("first"))
        second = start("second")
        await new.start(second)
        with pytest.raises(Fenced):
            await old.stop(stop(second))
        await old.stop(stop(second))

    play(scene)


@pytest.mark.parametrize("asked_first", [False, True])
def test_all_streams_of_a_profile_or_an_account_end_with_it(play: Callable[[Scene], None], asked_first: bool) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        kid, adult = start("kid", profile="kid"), start("adult")
        await shard.start(kid)
        await shard.start(adult)
        world.clock.advance(LEASE_S + 1)  # their leases have run out, and a heartbeat could revive them
        if not asked_first:
            shard = world.shard()
        await shard.end_all("anna", "kid")
        assert await shard.beat([beat(kid, 1), beat(adult, 1)]) == [None, Saved(1, LEASE_S)]
        await shard.stop(stop(kid, 50.0))
        assert await world.place(kid) is None
        for _ in range(2):
            await shard.end_all("anna")
        assert not await world.rows("anna", STREAM)
        assert await world.shut_out("kid")
        assert await world.shut_out("adult")

    play(scene)


def test_a_superseded_owner_gives_no_slot_away_that_the_new_one_has_lengthened(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        old, new = world.shard(), world.shard()
        first = start("first", limit=1)
        await old.start(first)
        world.clock.advance(LEASE_S - 1)
        assert len(await new.live("anna")) == 1
        world.clock.advance(2)
        with pytest.raises(Fenced):
            await old.start(start("second", limit=1))
        assert [row.value["session_id"] for row in await world.rows("anna", STREAM)] == ["first"]
        assert await new.beat([beat(first, 1)]) != [None]

    play(scene)


def test_all_live_streams_are_told_of_the_latest_started_first_and_counted(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        starts = [start(f"s{number}", account=f"account-{number % 4}", limit=3) for number in range(8)]
        for each in starts:
            world.clock.advance(1)
            await shard.start(each)
        await shard.stop(stop(starts[3]))
        await shard.beat([beat(starts[0], 1, 12.0)])
        page = await shard.streams(None, 3)
        assert page.total == 7
        assert [(each.account_id, each.stream.session_id) for each in page.items] == [
            ("account-3", "s7"),
            ("account-2", "s6"),
            ("account-1", "s5"),
        ]
        rest = await shard.streams(page.items[-1].key, 100)
        assert [each.stream.session_id for each in rest.items] == ["s4", "s2", "s1", "s0"]
        assert rest.items[-1].stream.position_s == 12.0
        assert (await shard.streams(None, 0)).total == 7
        world.clock.advance(LEASE_S)
        assert await shard.streams(None, 100) == StreamPage([], 0)

    play(scene)


def test_a_new_owner_tells_of_streams_once_they_are_read_back(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        await world.shard().start(start("first"))
        newer = world.shard()
        await newer.status()  # takes over
        await newer.sweep()
        assert [each.stream.session_id for each in (await newer.streams(None, 10)).items] == ["first"]

    play(scene)


def test_more_accounts_than_are_looked_at_at_once_are_all_told_of(play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.sessions.shard.ACCOUNTS_AT_ONCE", 2)

    async def scene(world: World) -> None:
        shard = world.shard()
        for number in range(7):
            world.clock.advance(1)
            await shard.start(start(f"s{number}", account=f"account-{number}"))
        page = await shard.streams(None, 2)
        assert ([each.stream.session_id for each in page.items], page.total) == (["s6", "s5"], 7)
        page = await shard.streams(page.items[-1].key, 3)
        assert ([each.stream.session_id for each in page.items], page.total) == (["s4", "s3", "s2"], 7)

    play(scene)


def test_an_operator_ends_a_stream_which_is_shut_out_and_told_as_such(play: Callable[[Scene], None]) -> None:
    async def scene(world: World) -> None:
        shard = world.shard()
        first = start("first")
        await shard.start(first)
        await shard.beat([beat(first, 1, 30.0)])
        by_operator = Stop("anna", "first", "", "", by_operator=True)
        for _ in range(2):
            await shard.stop(by_operator)
        assert await world.shut_out("first")
        assert [fact.value["ending"] for fact in await world.facts("anna") if fact.kind == "session.ended"] == ["operator"]
        place = await world.place(first)
        assert place is not None
        assert place.position_s == 30.0
        assert await shard.beat([beat(first, 2, 31.0)]) == [None]
        with pytest.raises(SessionNotFound):
            await shard.stop(Stop("bert", "first", "", "", by_operator=True))

    play(scene)
