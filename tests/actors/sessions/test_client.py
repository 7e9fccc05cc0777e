from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sessions.client import BEATS_AT_ONCE, Sessions
from actors.sessions.heartbeats import Answer
from actors.sessions.policy import first_of, partition_of
from actors.sessions.stream import AccountStream, Admission, Beat, LiveStream, Saved, Start, Stop, StreamPage
from cluster.errors import (
    CorruptData,
    DeadlineExceeded,
    Fenced,
    MatineeError,
    Overloaded,
    ServiceUnavailable,
    SessionNotFound,
    StorageFull,
    StreamLimitReached,
)
from tests.actors.sessions.world import beat, start, stop


class ToldShard:
    """A shard that answers what it is told to: errors first, then yes."""

    def __init__(self, *errors: MatineeError) -> None:
        self.errors = list(errors)
        self.calls: list[str] = []
        self.streaming: list[AccountStream] = []
        self.groups: list[list[Beat]] = []
        self.asked, self.going_on = asyncio.Event(), asyncio.Event()
        self.going_on.set()

    async def _asked(self, method: str) -> None:
        self.calls.append(method)
        self.asked.set()
        await self.going_on.wait()
        if self.errors:
            raise self.errors.pop(0)

    async def start(self, start: Start) -> Admission:
        await self._asked("start")
        return Admission(start.session_id, 30.0)

    async def stop(self, stop: Stop) -> None:
        await self._asked("stop")

    async def end_all(self, account_id: str, profile_id: str | None = None) -> None:
        await self._asked("end_all")

    async def beat(self, beats: Sequence[Beat]) -> list[Answer]:
        self.groups.append(list(beats))
        await self._asked("beat")
        told: dict[str, Answer] = {"unknown": None, "unreadable": CorruptData()}
        return [told.get(each.session_id, Saved(each.sequence, 30.0)) for each in beats]

    async def live(self, account_id: str) -> list[LiveStream]:
        await self._asked("live")
        return []

    async def streams(self, after: str | None, limit: int) -> StreamPage:
        await self._asked("streams")
        return StreamPage(first_of(self.streaming, after, limit), len(self.streaming))


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


@pytest.mark.parametrize("error", [Fenced(), ServiceUnavailable("restarts"), ServiceUnavailable("restarts")])
@pytest.mark.parametrize("method", ["start", "stop", "end_all", "beat", "live", "streams"])
def test_a_shard_that_restarts_or_was_superseded_is_asked_again(error: MatineeError, method: str) -> None:
    async def scene() -> None:
        shard = ToldShard(error, error, error)
        sessions = Sessions([shard])
        ask: dict[str, Callable[[], Awaitable[object]]] = {
            "start": lambda: sessions.start(start("one")),
            "stop": lambda: sessions.stop(stop(start("one"))),
            "end_all": lambda: sessions.end_all("anna"),
            "beat": lambda: sessions.beat(beat(start("one"), 1)),
            "live": lambda: sessions.live("anna"),
            "streams": lambda: sessions.streams(10),
        }
        await ask[method]()
        assert shard.calls == [method] * 4

    run(scene())


@pytest.mark.parametrize("error", [Overloaded(), StreamLimitReached(limit=2, streams=[]), StorageFull()])
def test_what_asking_again_would_not_help_is_raised_at_once(error: MatineeError) -> None:
    async def scene() -> None:
        shard = ToldShard(error)
        with pytest.raises(type(error)):
            await Sessions([shard]).start(start("one"))
        assert shard.calls == ["start"]

    run(scene())


def test_a_shard_that_never_answers_is_given_up_at_the_deadline() -> None:
    async def scene() -> None:
        shard = ToldShard()
        shard.going_on.clear()
        sessions = Sessions([shard], deadline_s=0.05)
        for ask in (lambda: sessions.start(start("one")), lambda: sessions.beat(beat(start("one"), 1)), lambda: sessions.live("anna")):
            with pytest.raises(DeadlineExceeded):
                await ask()
        gone = Sessions([ToldShard(*[ServiceUnavailable("gone")] * 100)], deadline_s=0.2)
        with pytest.raises(ServiceUnavailable):
            await gone.start(start("one"))

    run(scene())


def test_heartbeats_that_come_together_share_a_call_and_get_each_its_answer() -> None:
    async def scene() -> None:
        shard = ToldShard()
        sessions = Sessions([shard])
        answers = await asyncio.gather(*(sessions.beat(beat(start(f"session-{number}"), number)) for number in range(1, 101)))
        assert [answer.sequence for answer in answers] == list(range(1, 101))
        assert shard.calls == ["beat"]

    run(scene())


def test_heartbeats_that_come_while_a_call_is_away_wait_for_the_next() -> None:
    async def scene() -> None:
        shard = ToldShard()
        shard.going_on.clear()
        sessions = Sessions([shard])
        count = BEATS_AT_ONCE + 10
        beats = [asyncio.create_task(sessions.beat(beat(start(f"session-{number}"), 1))) for number in range(count)]
        await shard.asked.wait()
        beats[-1].cancel()  # its viewer has gone meanwhile
        shard.going_on.set()
        await asyncio.gather(*beats[:-1])
        assert [len(group) for group in shard.groups] == [BEATS_AT_ONCE, 9]

    run(scene())


@pytest.mark.parametrize(("session_id", "error"), [("unknown", SessionNotFound), ("unreadable", CorruptData)])
def test_what_is_wrong_with_one_heartbeat_is_told_to_it_alone(session_id: str, error: type[MatineeError]) -> None:
    async def scene() -> None:
        sessions = Sessions([ToldShard()])
        known, wrong = await asyncio.gather(
            sessions.beat(beat(start("known"), 1)), sessions.beat(beat(start(session_id), 1)), return_exceptions=True
        )
        assert isinstance(known, Saved)
        assert isinstance(wrong, error)

    run(scene())


def test_an_account_is_always_asked_of_the_same_shard() -> None:
    async def scene() -> None:
        shards = [ToldShard(), ToldShard(), ToldShard()]
        sessions = Sessions(shards)
        for number in range(30):
            account = f"account-{number}"
            await sessions.start(start(account, account=account))
            await sessions.beat(beat(start(account, account=account), 1))
            assert shards[partition_of(account) % 3].calls[-2:] == ["start", "beat"]
        assert all(shard.calls for shard in shards)

    run(scene())


def test_closing_answers_those_who_wait() -> None:
    async def scene() -> None:
        shard = ToldShard()
        shard.going_on.clear()
        sessions = Sessions([shard])
        waiting = asyncio.create_task(sessions.beat(beat(start("one"), 1)))
        await shard.asked.wait()
        gathering = asyncio.create_task(sessions.beat(beat(start("two"), 1)))
        await asyncio.sleep(0)
        await sessions.close()
        for each in (waiting, gathering):
            with pytest.raises(ServiceUnavailable):
                await each

    run(scene())


def stream(number: int) -> AccountStream:
    """Return one of the streams that started three at a time."""
    live = LiveStream(f"session-{number:02d}", "device", "profile", "film", "film", "Film", 0, 1.7e9 + number // 3, 0.0, "playing")
    return AccountStream(f"account-{number}", live)


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 7))
def test_streams_of_all_shards_are_one_list_and_every_page_goes_on_where_the_last_ended(hosts: list[int], limit: int) -> None:
    async def scene() -> None:
        shards = [ToldShard(), ToldShard(), ToldShard()]
        for number, host in enumerate(hosts):
            shards[host].streaming.append(stream(number))
        sessions, seen, after = Sessions(shards), list[AccountStream](), None
        while (page := await sessions.streams(limit, after)).items:
            assert page.total == len(hosts)
            assert len(page.items) <= limit
            seen += page.items
            after = page.items[-1].key
        assert {each.account_id for each in seen} == {f"account-{number}" for number in range(len(hosts))}
        assert len(seen) == len(hosts)
        started = [each.stream.started_at_s for each in seen]
        assert started == sorted(started, reverse=True)

    run(scene())


def test_a_shard_that_is_away_leaves_no_list_that_looks_whole() -> None:
    async def scene() -> None:
        away = ToldShard(*[ServiceUnavailable("gone")] * 100)
        with pytest.raises(ServiceUnavailable):
            await Sessions([ToldShard(), away], deadline_s=0.2).streams(10)

    run(scene())
