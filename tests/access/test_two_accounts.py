"""Two accounts, and two profiles of one, live side by side and see nothing of each other."""

from __future__ import annotations

from typing import Any

from actors.sessions.tables import PLACES
from cluster.durable import open_store
from serve_apps.auth.routes import PREFIX as AUTH
from serve_apps.catalog.routes import PREFIX as CATALOG
from serve_apps.playback.routes import PREFIX as PLAYBACK
from serve_apps.profiles.routes import PREFIX as PROFILES
from tests.whole import films, people
from tests.whole.composition import Whole
from tests.whole.people import Person

READ_BY_A_VIEWER = (
    f"{AUTH}/account", f"{AUTH}/devices", PROFILES, f"{PROFILES}/me/list", f"{PROFILES}/me/ratings",
    f"{PLAYBACK}/sessions", f"{PLAYBACK}/continue", f"{PLAYBACK}/history",
)  # fmt: skip
OF_A_PROFILE = READ_BY_A_VIEWER[3:5] + READ_BY_A_VIEWER[6:]


async def read(whole: Whole, viewer: Person, paths: tuple[str, ...] = READ_BY_A_VIEWER) -> dict[str, Any]:
    return {path: await whole.get(path, viewer) for path in paths}


async def live(whole: Whole, viewer: Person, film_id: str, *, position_s: float) -> str:
    """Put a film on the list, rate it and watch it; returns the session."""
    for path, body in ((f"me/list/{film_id}", None), (f"me/ratings/{film_id}", {"rating": 2})):
        assert (await whole.ask("PUT", f"{PROFILES}/{path}", viewer, json=body)).status_code == 204
    return await films.watch(whole, viewer, film_id, position_s=position_s)


def test_two_accounts_see_nothing_of_each_other(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        shared, anns, bobs = [await films.publish_film(whole, operator, name) for name in ("Shared", "Ann's", "Bob's")]
        ann, bob = await people.viewer(whole, "Ann"), await people.viewer(whole, "Bob")
        empty = await read(whole, bob)
        for viewer, own, position_s in ((ann, anns, 20.0), (bob, bobs, 60.0)):
            await people.add_profile(whole, viewer, f"{viewer.name}'s child", kids=True)
            await live(whole, viewer, shared, position_s=position_s + 1)
            await live(whole, viewer, own, position_s=position_s)
        seen = {viewer.name: await read(whole, viewer) for viewer in (ann, bob)}
        for viewer, stranger, strange in ((ann, bob, bobs), (bob, ann, anns)):
            told = str(seen[viewer.name])
            for secret in (stranger.account_id, stranger.device_id, stranger.profile_id, stranger.email, stranger.name, strange):
                assert secret not in told
            assert len(seen[viewer.name][f"{PLAYBACK}/history"]["items"]) == 2
            assert len(seen[viewer.name][f"{PLAYBACK}/sessions"]["items"]) == 1
        places = [(await whole.get(f"{PLAYBACK}/positions/{shared}", viewer))["position_s"] for viewer in (ann, bob)]
        assert places == [21.0, 61.0]
        answer = await whole.ask("DELETE", f"{AUTH}/account", ann, json={"password": ann.password})
        assert answer.status_code == 204, answer.text
        assert await read(whole, bob) == seen["Bob"]
        # The e-mail is free again, and who takes it begins with nothing.
        heir = await people.viewer(whole, "Bob", email=ann.email)
        assert {path: len(page.get("items", [])) for path, page in (await read(whole, heir)).items()} == {
            path: len(page.get("items", [])) for path, page in empty.items()
        }

    whole.run(scene())


def test_two_profiles_of_an_account_have_lists_and_places_of_their_own(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        film_id = await films.publish_film(whole, operator)
        parent = await people.viewer(whole)
        child = await people.kid(whole, parent)
        before = await read(whole, child, OF_A_PROFILE)
        session_id = await live(whole, parent, film_id, position_s=33.0)
        assert await read(whole, child, OF_A_PROFILE) == before
        assert (await whole.get(f"{PLAYBACK}/positions/{film_id}", child))["position_s"] == 0
        theirs = await read(whole, parent, OF_A_PROFILE)
        for path in (f"{PROFILES}/me/list/{film_id}", f"{PROFILES}/me/ratings/{film_id}", f"{PLAYBACK}/history/{film_id}"):
            assert (await whole.ask("DELETE", path, child)).status_code == 204
        beat = {"sequence": 2, "position_s": 1.0}
        for device in (child, await people.choose_profile(whole, parent, child.profile_id)):
            answer = await whole.ask("POST", f"{PLAYBACK}/sessions/{session_id}/heartbeats", device, json=beat)
            assert answer.status_code == 404, answer.text
        assert await read(whole, parent, OF_A_PROFILE) == theirs

    whole.run(scene())


def test_a_kids_profile_is_not_told_what_others_of_the_account_watch(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        film_id = await films.publish_film(whole, operator, "For grown-ups", maturity=18)
        parent = await people.viewer(whole)
        child = await people.kid(whole, parent)
        await films.watch(whole, parent, film_id)
        await films.watch(whole, await people.choose_profile(whole, await people.sign_in(whole, parent)), film_id)
        streams = await whole.get(f"{PLAYBACK}/sessions", child)
        refused = await whole.ask("POST", f"{PLAYBACK}/sessions", child, json={"playable_id": await films.publish_film(whole, operator)})
        assert refused.status_code == 409
        for told in (str(streams), refused.text):
            assert film_id not in told
            assert "grown-ups" not in told
        assert [stream["name"] for stream in refused.json()["streams"]] == [None, None]

    whole.run(scene())


def test_one_idempotency_key_means_another_thing_to_each_account(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        film_id = await films.publish_film(whole, operator)
        ann, bob = await people.viewer(whole), await people.viewer(whole)
        for path, body, made in (
            (PROFILES, {"name": "Twin"}, "profile_id"),
            (f"{PLAYBACK}/sessions", {"playable_id": film_id}, "session_id"),
        ):
            answers = [
                (await whole.ask("POST", path, viewer, json=body, headers={"Idempotency-Key": "same"})).json()[made]
                for viewer in (ann, bob, ann, bob)
            ]
            assert answers[:2] == answers[2:]
            assert answers[0] != answers[1]

    whole.run(scene())


def test_operators_are_told_of_no_member(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        ann = await people.viewer(whole, "Annunciata")
        await live(whole, ann, await films.publish_film(whole, operator), position_s=20.0)
        told = str([await whole.get(path, operator) for path in ("/api/v1/operations/status", "/api/v1/studio/jobs", CATALOG)])
        for secret in (ann.account_id, ann.device_id, ann.profile_id, ann.email, ann.name):
            assert secret not in told

    whole.run(scene())


def test_a_deleted_account_leaves_no_history(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        ann = await people.viewer(whole)
        await films.watch(whole, ann, await films.publish_film(whole, operator))
        assert (await whole.ask("DELETE", f"{AUTH}/account", ann, json={"password": ann.password})).status_code == 204
        places = await open_store(whole.settings.store, PLACES)
        try:
            assert await places.scan(ann.account_id, "place/") == []
        finally:
            await places.close()

    whole.run(scene())
