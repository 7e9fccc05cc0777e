"""The composition is the whole of Matinee: it has every application that is deployed, and a film goes through it to a viewer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cluster.security.paths import PathVerifier
from serve_apps.catalog.routes import PREFIX as CATALOG
from serve_apps.operations.routes import PREFIX as OPERATIONS
from serve_apps.playback.routes import PREFIX as PLAYBACK
from tests.whole import films, people
from tests.whole.composition import APPLICATIONS, Whole, opened, running


@pytest.mark.ray
def test_it_has_every_application_that_is_deployed() -> None:
    from cluster.launch import deploy

    assert {placement.name: placement.prefix for placement in deploy.APPLICATIONS} == APPLICATIONS


def test_a_film_goes_from_an_upload_to_a_viewer_who_comes_back_to_it(tmp_path: Path) -> None:
    async def scene(whole: Whole) -> None:
        operator = await people.operator(whole)
        title_id = await films.make_title(whole, operator, "The Train")
        await films.job_in(whole, operator, await films.start_job(whole, operator, title_id), "ready")
        answer = await whole.ask("POST", f"{CATALOG}/{title_id}/publish", operator)
        assert answer.status_code == 200, answer.text
        viewer = await people.viewer(whole)
        (card,) = (await whole.get(CATALOG, viewer))["items"]
        assert (card["title_id"], card["available"]) == (title_id, True)
        session_id = await films.watch(whole, viewer, title_id, position_s=7.0)
        assert (await whole.get(f"{PLAYBACK}/sessions", viewer))["items"][0]["session_id"] == session_id
        elsewhere = await people.choose_profile(whole, await people.sign_in(whole, viewer))
        assert [(place["playable_id"], place["position_s"]) for place in (await whole.get(f"{PLAYBACK}/continue", elsewhere))["items"]] == [
            (title_id, 7.0)
        ]
        session = (await whole.ask("POST", f"{PLAYBACK}/sessions", elsewhere, json={"playable_id": title_id})).json()
        signed = PathVerifier(whole.settings.secret_bytes()).verify(session["path"] + "/master.m3u8")
        assert (signed.playable_id, signed.session_id) == (title_id, session["session_id"])
        assert session["position_s"] == 7.0
        assert await whole.relay.run_once() > 0
        status = await whole.get(f"{OPERATIONS}/status", operator)
        assert status["ready"]
        assert status["log"]["topics"]["catalog"] > 0
        assert status["log"]["unpublished"] == 0

    with running(tmp_path) as whole:
        whole.run(scene(whole))


def test_it_opens_again_on_what_it_left(tmp_path: Path) -> None:
    with running(tmp_path) as whole:
        operator = whole.run(people.operator(whole))
        title_id = whole.run(films.publish_film(whole, operator))
        viewer = whole.run(people.viewer(whole))
    began_s = time.monotonic()
    with running(tmp_path) as whole:
        assert time.monotonic() - began_s < 5.0
        assert [title["title_id"] for title in whole.run(whole.get(CATALOG, viewer))["items"]] == [title_id]


def test_an_asynchronous_test_opens_it_in_its_own_loop(tmp_path: Path) -> None:
    import asyncio

    async def scene() -> None:
        async with opened(tmp_path) as whole:
            assert (await whole.ask("GET", "/")).status_code == 200
            assert (await whole.ask("GET", "/api/v1/nothing")).status_code == 404

    asyncio.run(scene())
