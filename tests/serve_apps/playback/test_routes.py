from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from cluster.durable import Row, open_store
from cluster.edge.registry import EDGES, PARTITION
from cluster.security.claims import Claims
from cluster.security.paths import PathVerifier
from serve_apps.playback.client import PlaybackClient
from serve_apps.playback.reader import WatchedTitles
from serve_apps.serving import LocalTarget
from tests.clock import Clock
from tests.serve_apps.playback.world import World, open_world, token

Scene = Callable[[World, Clock], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        async def whole() -> None:
            clock = Clock()
            async with open_world(tmp_path, clock) as world:
                await scene(world, clock)

        asyncio.run(whole())

    return run


def test_a_session_answers_signed_addresses_and_the_beginning(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        answer = await world.start()
        assert answer.status_code == 201, answer.text
        session = answer.json()
        assert session["position_s"] == 0
        assert session["hls_url"] == f"{world.settings.own_edge_url}{session['path']}/master.m3u8"
        allowed = PathVerifier(world.settings.secret_bytes(), clock).verify(f"{session['path']}/master.m3u8")
        assert (allowed.session_id, allowed.playable_id, allowed.version_id) == (session["session_id"], "film", "v1")
        assert allowed.expires_at_s == pytest.approx(clock() + 100 + 12 * 3600, abs=1.5)

    play(scene)


def test_the_place_of_the_last_heartbeat_is_where_another_device_resumes(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        session_id = (await world.start()).json()["session_id"]
        saved = await world.beat(session_id, 1, 42.5)
        assert saved.json()["sequence"] == 1
        assert saved.json()["lease_s"] >= world.settings.lease_s
        assert (await world.start(bearer=token("phone"))).json()["position_s"] == 42.5
        assert (await world.ask("GET", "/positions/film")).json()["position_s"] == 42.5

    play(scene)


def test_a_late_heartbeat_changes_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        session_id = (await world.start()).json()["session_id"]
        for sequence, position_s in [(1, 10.0), (3, 30.0), (2, 20.0)]:
            saved = await world.beat(session_id, sequence, position_s)
        assert saved.json()["sequence"] == 3
        assert (await world.ask("GET", "/positions/film")).json()["position_s"] == 30

    play(scene)


@pytest.mark.parametrize("position_s", [95.5, 100.0, 5000.0])
def test_what_was_finished_begins_anew(play: Callable[[Scene], None], position_s: float) -> None:
    async def scene(world: World, clock: Clock) -> None:
        session_id = (await world.start()).json()["session_id"]
        stopped = await world.ask("DELETE", f"/sessions/{session_id}", params={"position_s": position_s})
        assert stopped.status_code == 204
        assert (await world.start()).json()["position_s"] == 0
        assert (await world.ask("GET", "/continue")).json()["items"] == []
        assert [item["finished"] for item in (await world.ask("GET", "/history")).json()["items"]] == [True]

    play(scene)


def test_no_more_devices_watch_than_the_account_may_and_a_stopped_one_makes_room(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        first = (await world.start(bearer=token("one"))).json()
        await world.start("other", bearer=token("two"))
        refused = await world.start(bearer=token("three"))
        assert refused.status_code == 409
        problem = refused.json()
        assert problem["type"] == "urn:matinee:error:stream-limit"
        assert problem["limit"] == 2
        assert {stream["device_id"] for stream in problem["streams"]} == {"one", "two"}
        assert (await world.ask("DELETE", f"/sessions/{first['session_id']}", token("three"))).status_code == 204
        assert (await world.start(bearer=token("three"))).status_code == 201
        assert (await world.beat(first["session_id"], 1, 1, token("one"))).status_code == 404

    play(scene)


def test_a_stream_that_is_not_heard_of_gives_its_place_away(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        for device in ("one", "two"):
            await world.start(bearer=token(device))
        clock.advance(world.settings.lease_s + 1)
        assert (await world.start(bearer=token("three"))).status_code == 201

    play(scene)


@pytest.mark.parametrize(
    ("playable_id", "maturity", "status", "slug"),
    [
        ("adult", 12, 403, "maturity"),
        ("draft", 18, 404, "playable-not-found"),
        ("unready", 18, 409, "not-playable"),
        ("nothing", 18, 404, "playable-not-found"),
    ],
)
def test_what_may_not_be_watched_says_why(play: Callable[[Scene], None], playable_id: str, maturity: int, status: int, slug: str) -> None:
    async def scene(world: World, clock: Clock) -> None:
        answer = await world.start(playable_id, token(maturity=maturity))
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:matinee:error:{slug}")

    play(scene)


def test_a_kids_profile_is_not_told_what_others_watch(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        await world.start("adult")
        kid = token("tablet", profile="kid", maturity=7, kids=True)
        [stream] = (await world.ask("GET", "/sessions", kid)).json()["items"]
        assert (stream["name"], stream["title_id"], stream["playable_id"]) == (None, None, None)
        assert (await world.ask("GET", "/history", kid)).json()["items"] == []

    play(scene)


def test_another_account_sees_and_stops_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        session_id = (await world.start()).json()["session_id"]
        stranger = token(account="stranger")
        assert (await world.ask("GET", "/sessions", stranger)).json()["items"] == []
        assert (await world.ask("DELETE", f"/sessions/{session_id}", stranger)).status_code == 404
        assert (await world.beat(session_id, 1, 1, stranger)).status_code == 404
        assert (await world.beat(session_id, 1, 1)).status_code == 200

    play(scene)


def test_the_same_key_starts_once(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        first, second = [await world.start(headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert first.json() == second.json()
        assert (await world.start("other", headers={"Idempotency-Key": "k"})).status_code == 422

    play(scene)


def test_continue_watching_names_a_series_once_by_its_latest_episode(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        for playable_id, position_s in [("series-s01e01", 50), ("film", 20), ("series-s01e02", 30), ("other", 2)]:
            clock.advance(10)
            session_id = (await world.start(playable_id)).json()["session_id"]
            await world.ask("DELETE", f"/sessions/{session_id}", params={"position_s": position_s})
        found = [item["playable_id"] for item in (await world.ask("GET", "/continue")).json()["items"]]
        assert found == ["series-s01e02", "film"]

    play(scene)


def test_other_services_read_the_latest_place_of_each_title_finished_or_not(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        for playable_id, position_s in [("series-s01e01", 50), ("film", 99), ("series-s01e02", 30), ("other", 2)]:
            clock.advance(10)
            session_id = (await world.start(playable_id)).json()["session_id"]
            await world.ask("DELETE", f"/sessions/{session_id}", params={"position_s": position_s})
        reader = WatchedTitles(world.settings, clock)
        viewer = msgspec.json.decode(token(), type=Claims)
        watched = [(place.title_id, place.playable_id, place.finished) for place in await reader.latest(viewer, 10)]
        assert watched == [("series", "series-s01e02", False), ("film", "film", True)]
        assert len(await reader.latest(viewer, 1)) == 1
        assert await reader.latest(msgspec.json.decode(token(profile="another"), type=Claims), 10) == []
        await reader.close()

    play(scene)


def test_history_is_paged_and_forgets(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        watched = ["film", "other", "series-s01e01", "series-s01e02", "series-s01e03"]
        for playable_id in watched:
            clock.advance(1)
            session_id = (await world.start(playable_id)).json()["session_id"]
            await world.beat(session_id, 1, 10)
        seen, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await world.ask("GET", "/history", params=params)).json()
            seen += [item["playable_id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == watched[::-1]
        assert (await world.ask("DELETE", "/history/film")).status_code == 204
        assert "film" not in [item["playable_id"] for item in (await world.ask("GET", "/history")).json()["items"]]

    play(scene)


def test_a_deleted_profile_plays_nothing_and_leaves_no_history(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        ben, ann = token("tv", profile="ben"), token("phone", profile="ann")
        sessions = [(await world.start(bearer=bearer)).json()["session_id"] for bearer in (ben, ann)]
        for session_id, bearer in zip(sessions, (ben, ann), strict=True):
            await world.beat(session_id, 1, 40, bearer)
        clock.advance(world.settings.lease_s + 1)  # neither is live, and both could be revived
        for _ in range(2):
            await PlaybackClient(LocalTarget(world.playback)).forget_profile("account", "ben")
        assert (await world.beat(sessions[0], 2, 50, ben)).status_code == 404
        assert (await world.ask("DELETE", f"/sessions/{sessions[0]}", ben, params={"position_s": 50})).status_code == 204
        refused = await world.start(bearer=ben)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:matinee:error:profile-not-found")
        assert (await world.ask("GET", "/history", ben)).json()["items"] == []
        assert (await world.beat(sessions[1], 2, 50, ann)).status_code == 200
        assert [item["position_s"] for item in (await world.ask("GET", "/history", ann)).json()["items"]] == [50]

    play(scene)


def test_a_closed_account_plays_nothing_and_leaves_no_history(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        session_id = (await world.start()).json()["session_id"]
        await world.beat(session_id, 1, 40)
        clock.advance(world.settings.lease_s + 1)
        for _ in range(2):
            await PlaybackClient(LocalTarget(world.playback)).delete_all("account")
        assert (await world.beat(session_id, 2, 50)).status_code == 404
        assert (await world.ask("GET", "/history")).json()["items"] == []

    play(scene)


def test_a_player_that_was_replaced_still_says_where_it_stopped(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        first = (await world.start("film")).json()["session_id"]
        await world.start("other")
        assert (await world.ask("DELETE", f"/sessions/{first}", params={"position_s": 33})).status_code == 204
        assert (await world.ask("GET", "/positions/film")).json()["position_s"] == 33

    play(scene)


def test_live_edges_are_named_best_first_and_the_same_for_a_title(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        edges = await open_store(world.settings.store, EDGES, clock)
        for name in ("a", "b", "gone"):
            seen_at_s = clock() - (60 if name == "gone" else 0)
            await edges.put([Row(PARTITION, name, 1, "edge", {"url": f"http://{name}", "started_at_s": 0, "seen_at_s": seen_at_s})])
        first = (await world.start()).json()
        assert {edge["url"] for edge in first["edges"]} == {"http://a", "http://b"}
        assert first["hls_url"].startswith(first["edges"][0]["url"])
        assert (await world.start()).json()["edges"] == first["edges"]
        await edges.close()

    play(scene)


def test_many_heartbeats_at_once_are_each_answered(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        bearers = [token(account=f"account-{number}") for number in range(60)]
        started = await asyncio.gather(*(world.start(bearer=bearer) for bearer in bearers))
        ids = [answer.json()["session_id"] for answer in started]
        beats = await asyncio.gather(*(world.beat(each, 1, 5.0 + n, bearers[n]) for n, each in enumerate(ids)))
        assert [answer.status_code for answer in beats] == [200] * 60
        places = await asyncio.gather(*(world.ask("GET", "/positions/film", bearer) for bearer in bearers))
        assert [place.json()["position_s"] for place in places] == [5.0 + n for n in range(60)]

    play(scene)


def test_the_places_of_a_title_are_those_of_its_episodes_and_of_this_profile(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        for playable_id, position_s in [("series-s01e01", 99), ("film", 20), ("series-s01e02", 30)]:
            clock.advance(10)
            session_id = (await world.start(playable_id)).json()["session_id"]
            await world.ask("DELETE", f"/sessions/{session_id}", params={"position_s": position_s})
        found = (await world.ask("GET", "/titles/series/places")).json()["items"]
        assert [(item["playable_id"], item["position_s"], item["finished"]) for item in found] == [
            ("series-s01e02", 30, False),
            ("series-s01e01", 99, True),
        ]
        for title_id in ("serie", "nothing"):
            assert (await world.ask("GET", f"/titles/{title_id}/places")).json() == {"items": []}
        other = token(profile="other")
        assert (await world.ask("GET", "/titles/series/places", other)).json() == {"items": []}
        assert (await world.ask("GET", "/titles/series/next", other)).json()["reason"] == "start"

    play(scene)


def test_a_series_goes_on_where_it_was_left_and_ends_at_its_beginning(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        async def following() -> tuple[str, float, str]:
            found = (await world.ask("GET", "/titles/series/next")).json()
            return found["playable_id"], found["position_s"], found["reason"]

        async def watch(playable_id: str, position_s: float) -> None:
            clock.advance(10)
            session_id = (await world.start(playable_id)).json()["session_id"]
            await world.ask("DELETE", f"/sessions/{session_id}", params={"position_s": position_s})

        assert await following() == ("series-s01e01", 0, "start")
        await watch("series-s01e01", 40)
        assert await following() == ("series-s01e01", 40, "resume")
        await watch("series-s01e01", 98)
        assert await following() == ("series-s01e02", 0, "next")
        await watch("series-s01e03", 98)
        assert await following() == ("series-s01e01", 0, "again")

    play(scene)


@pytest.mark.parametrize("title_id", ["adult", "draft", "unready", "nothing"])
def test_what_may_not_be_watched_and_what_is_not_there_have_the_same_next(play: Callable[[Scene], None], title_id: str) -> None:
    async def scene(world: World, clock: Clock) -> None:
        answer = await world.ask("GET", f"/titles/{title_id}/next", token(maturity=12))
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:matinee:error:playable-not-found")
        assert answer.json()["detail"] == "Nothing of this title can be played"

    play(scene)


def operator() -> str:
    return token("desk", account="house", profile=None, roles=("operator",))


def test_operators_list_the_streams_of_all_accounts_page_by_page(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        started = []
        for number in range(5):
            clock.advance(1)
            bearer = token(f"tv-{number}", account=f"account-{number}", profile="someone")
            started.append((await world.start("adult", bearer)).json()["session_id"])
        await world.beat(started[4], 1, 33, token("tv-4", account="account-4", profile="someone"))
        seen: list[dict[str, object]] = []
        cursor = None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await world.ask("GET", "/streams", operator(), params=params)).json()
            assert page["total"] == 5
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert [each["session_id"] for each in seen] == started[::-1]
        latest = seen[0]
        assert [latest[field] for field in ("account_id", "device_id", "profile_id", "name", "position_s", "state")] == [
            "account-4", "tv-4", "someone", "Name of adult", 33, "playing",
        ]  # fmt: skip

    play(scene)


def test_a_stream_that_an_operator_ends_is_gone_at_its_next_heartbeat_and_frees_its_slot(play: Callable[[Scene], None]) -> None:
    async def scene(world: World, clock: Clock) -> None:
        one, two = [(await world.start(bearer=token(device))).json()["session_id"] for device in ("one", "two")]
        await world.beat(one, 1, 40, token("one"))
        assert (await world.ask("DELETE", f"/streams/stranger/{one}", operator())).status_code == 404
        for _ in range(2):
            assert (await world.ask("DELETE", f"/streams/account/{one}", operator())).status_code == 204
        assert (await world.beat(one, 2, 50, token("one"))).status_code == 404
        assert (await world.beat(two, 1, 10, token("two"))).status_code == 200
        assert [each["session_id"] for each in (await world.ask("GET", "/streams", operator())).json()["items"]] == [two]
        assert (await world.start(bearer=token("three"))).status_code == 201

    play(scene)


@pytest.mark.parametrize(("method", "path"), [("GET", "/streams"), ("DELETE", "/streams/account/session")])
def test_members_neither_list_nor_end_the_streams_of_others(play: Callable[[Scene], None], method: str, path: str) -> None:
    async def scene(world: World, clock: Clock) -> None:
        answer = await world.ask(method, path)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:matinee:error:operator-only")

    play(scene)
