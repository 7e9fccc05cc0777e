"""Batches over HTTP: taken, refused, and sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import Log
from cluster.errors import Indeterminate, MatineeError, Misconfigured, StorageFull, StoreUnavailable
from serve_apps.telemetry.policy import BURST, PER_S
from serve_apps.telemetry.routes import BODY_LIMIT_BYTES, PREFIX
from serve_apps.telemetry.schemas import EVENTS_LIMIT
from serve_apps.telemetry.service import AGAIN_S, Telemetry
from tests.serve_apps.profiles.conftest import token
from tests.serve_apps.schema_check import check_api
from tests.serve_apps.telemetry.told import AT, World, impression, in_world, stall

PLAY = {"kind": "play_begun", "event_id": "e9", "at": AT, "playable_id": "t1", "title_id": "t1", "row_id": "new", "position": 0}
SEEK = {"kind": "seek", "event_id": "e10", "at": AT, "session_id": "s1", "position_s": 3, "to_s": 90.5}
QUALITY = {
    "kind": "quality_change",
    "event_id": "e11",
    "at": AT,
    "session_id": "s1",
    "position_s": 3,
    "height": 720,
    "bitrate_bps": 2_000_000,
}
ERROR = {"kind": "error", "event_id": "e12", "at": AT, "session_id": "s1", "position_s": 3, "code": "bufferAppendError"}


def test_a_batch_is_in_the_log_in_one_partition_and_names_no_account(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        answer = await world.send(impression("e1"), stall("e2"), PLAY, SEEK, QUALITY, ERROR, stall("e2"))
        assert (answer.status_code, answer.json()) == (202, {"taken": 6})
        (events,) = await world.logged()
        assert [event.kind for event in events] == [
            "card.seen", "player.stalled", "play.begun", "player.sought", "player.quality-changed", "player.failed",
        ]  # fmt: skip
        assert all(event.key.startswith("p1/") and event.value["profile_id"] == "p1" for event in events)
        assert "the-account" not in str(events)
        assert "device" not in str(events)

    in_world(tmp_path, scenario)


def test_a_batch_sent_again_is_known_by_its_keys(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for _ in range(2):
            assert (await world.send(impression("e1"), stall("e2"))).status_code == 202
            world.clock.advance(3)
        (events,) = await world.logged()
        assert [(event.key, event.entity_version) for event in events] == [("p1/e1", 1), ("p1/e2", 1)] * 2

    in_world(tmp_path, scenario)


WRONG: list[tuple[dict[str, Any], str]] = [
    (impression(propensity=0), "propensity"),
    (impression(propensity=1.01), "propensity"),
    (impression(position=-1), "position"),
    (impression(title_id="no title"), "title_id"),
    (impression(row_id=""), "row_id"),
    (impression(at="2023-11-14T22:13:20"), "at"),
    (impression(account_id="x"), "account_id"),
    ({name: value for name, value in impression().items() if name != "page_id"}, "page_id"),
    (stall("e1", duration_ms=-1), "duration_ms"),
    ({**impression(), "kind": "gaze"}, ""),
    ({**stall("e1"), "event_id": "x" * 101}, "event_id"),
]


def test_what_does_not_validate_is_named_by_its_place_in_the_body(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for wrong, pointer in WRONG:
            answer = await world.send(impression("fine"), wrong)
            assert answer.status_code == 422
            assert [error["pointer"] for error in answer.json()["errors"]] == ["/body/events/1" + (pointer and f"/{pointer}")]
        assert await world.logged() == []

    in_world(tmp_path, scenario)


def test_a_batch_is_bounded_in_number_and_size(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        assert (await world.send()).status_code == 422
        assert (await world.send(*(stall(f"e{n}") for n in range(EVENTS_LIMIT + 1)))).status_code == 422
        answer = await world.send(impression(row_id="x" * BODY_LIMIT_BYTES))
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:matinee:error:too-large")
        assert await world.logged() == []
        assert (await world.send(*(stall(f"e{n}") for n in range(EVENTS_LIMIT)))).json() == {"taken": EVENTS_LIMIT}

    in_world(tmp_path, scenario)


def test_one_profile_that_tells_too_much_waits_and_others_do_not(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        batch = [stall(f"e{n}") for n in range(EVENTS_LIMIT)]
        for _ in range(BURST // EVENTS_LIMIT):
            assert (await world.send(*batch)).status_code == 202
        answer = await world.send(*batch)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(round(EVENTS_LIMIT / PER_S)))
        assert (await world.send(*batch, profile_id="p2")).status_code == 202
        world.clock.advance(EVENTS_LIMIT / PER_S)
        assert (await world.send(*batch)).status_code == 202

    in_world(tmp_path, scenario)


class Refusing:
    """A log that takes nothing: it raises, or never answers."""

    def __init__(self, error: MatineeError | None) -> None:
        self.error, self.closed = error, False

    async def append(self, topic: object, events: object) -> list[Any]:
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("error", [StoreUnavailable("away"), Indeterminate("who knows"), StorageFull("full"), None])
def test_a_log_that_takes_nothing_is_a_503_that_says_when_to_come_again(tmp_path: Path, error: MatineeError | None) -> None:
    log = Refusing(error)

    async def opened() -> Log:
        return log  # type: ignore[return-value]  # it has what is used of one

    async def scenario(world: World) -> None:
        answer = await world.send(impression())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(AGAIN_S))
        assert answer.json()["type"] == "urn:matinee:error:service-unavailable"

    in_world(tmp_path, scenario, Telemetry(opened, append_s=0.05))
    assert log.closed


def test_a_log_that_cannot_be_opened_keeps_the_service_up_and_is_tried_again(tmp_path: Path) -> None:
    failing: list[MatineeError] = [Misconfigured("no such broker"), StoreUnavailable("away")]

    async def scenario(world: World) -> None:
        for _ in range(2):
            assert (await world.send(impression())).status_code == 503
        assert (await world.send(impression())).status_code == 202

    async def opened() -> Log:
        if failing:
            raise failing.pop()
        return await World(tmp_path).open_log()

    in_world(tmp_path, scenario, Telemetry(opened))


def test_who_has_chosen_no_profile_is_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        assert (await world.send(impression(), profile_id=None)).json()["type"] == "urn:matinee:error:profile-required"

    in_world(tmp_path, scenario)


def test_every_answer_is_what_the_openapi_document_says(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        assert await check_api(world.app, PREFIX, token(profile_id="p1"), examples=10) > 1
        assert await check_api(world.app, PREFIX, None, examples=2) > 1

    in_world(tmp_path, scenario)
