import asyncio

import pytest

from serve_apps.catalog.policy import ANY
from serve_apps.catalog.record import EpisodeRecord
from serve_apps.catalog.service import Catalog
from tests.serve_apps.catalog.world import BEARERS, World, eventually, in_world, opened, settings_in


def test_a_film_is_made_published_and_seen_by_members(tmp_path):
    async def run(world: World) -> None:
        made = await world.make(
            "Night Train", published=False, year=1998, genres=["Drama", "drama", "Crime"], cast=[{"name": "Ada"}], synopsis=" A train. "
        )
        assert (made["playable_id"], made["genres"], made["synopsis"]) == (made["title_id"], ["Drama", "Crime"], "A train.")
        path = f"/{made['title_id']}"
        assert (await world.call("GET", path, "adult")).status_code == 404
        published = await world.call("POST", path + "/publish")
        assert (published.status_code, published.headers["ETag"], published.json()["published"]) == (200, '"2"', True)
        seen = await world.call("GET", path, "adult")
        assert (seen.status_code, seen.headers["ETag"], seen.json()["available"]) == (200, 'W/"2"', False)
        assert [item["name"] for item in (await world.get("", "adult"))["items"]] == ["Night Train"]
        await world.call("POST", path + "/unpublish")
        assert (await world.get("", "adult"))["items"] == []
        assert len((await world.get())["items"]) == 1

    in_world(tmp_path, run)


def test_anonymous_gets_401_and_a_member_without_a_profile_403(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        for path in ("", "/genres", f"/{title_id}"):
            assert (await world.client.get(f"/api/v1/titles{path}")).status_code == 401
            assert (await world.call("GET", path, "nobody")).status_code == 401
            refused = await world.call("GET", path, "owner")
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:matinee:error:profile-required")

    in_world(tmp_path, run)


def test_only_operators_edit(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make(kind='series'))['title_id']}"
        edits = [
            ("POST", "", {"kind": "film", "name": "x"}),
            ("PATCH", path, {"name": "x"}),
            ("DELETE", path, None),
            ("POST", path + "/publish", None),
            ("POST", path + "/unpublish", None),
            ("PUT", path + "/markers", {}),
            ("PUT", path + "/artwork/poster", None),
            ("PUT", path + "/artwork/poster", {"object_name": f"artwork/{'a' * 64}.jpg"}),
            ("DELETE", path + "/artwork/poster", None),
            ("PUT", path + "/seasons/1/episodes/1", {"name": "x"}),
            ("PATCH", path + "/seasons/1/episodes/1", {"name": "x"}),
            ("DELETE", path + "/seasons/1/episodes/1", None),
            ("PUT", path + "/trailers/1", {"name": "x"}),
            ("DELETE", path + "/trailers/1", None),
        ]
        for method, at, body in edits:
            for bearer in BEARERS:
                if not bearer.startswith("operator"):
                    answer = await world.call(method, at, bearer, json=body, headers={"If-Match": "*"})
                    assert (answer.status_code, answer.json()["type"]) == (403, "urn:matinee:error:operator-only"), (method, at, bearer)
            assert (await world.client.request(method, "/api/v1/titles" + at, json=body)).status_code == 401

    in_world(tmp_path, run)


def test_an_edit_says_which_version_it_was_made_from(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}"
        missing = await world.call("PATCH", path, json={"name": "New"})
        assert (missing.status_code, missing.json()["type"]) == (428, "urn:matinee:error:precondition-required")
        assert (await world.call("DELETE", path)).status_code == 428
        stale = await world.call("PATCH", path, json={"name": "New"}, headers={"If-Match": '"7"'})
        assert (stale.status_code, stale.json()["etag"]) == (412, '"1"')
        assert (await world.call("PATCH", path, json={"name": "New"}, headers={"If-Match": 'W/"1"'})).status_code == 412
        done = await world.call("PATCH", path, json={"name": "New"}, headers={"If-Match": '"9", "1"'})
        assert (done.status_code, done.headers["ETag"], done.json()["name"]) == (200, '"2"', "New")
        assert (await world.call("DELETE", path, headers={"If-Match": '"1"'})).status_code == 412
        assert (await world.call("DELETE", path, headers={"If-Match": "*"})).status_code == 204
        assert (await world.call("GET", path)).status_code == 404
        assert (await world.call("DELETE", path, headers={"If-Match": "*"})).status_code == 404

    in_world(tmp_path, run)


def test_publishing_may_say_a_version_and_the_documents_tell_which_edit_must(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make(published=False))['title_id']}"
        assert (await world.call("POST", path + "/publish", headers={"If-Match": '"7"'})).status_code == 412
        assert (await world.call("POST", path + "/publish")).status_code == 200
        paths = (await world.get("/openapi.json"))["paths"]
        edits = [operation for methods in paths.values() for method, operation in methods.items() if "412" in operation["responses"]]
        must = {operation["operationId"] for operation in edits if "428" in operation["responses"]}
        assert {operation["operationId"] for operation in edits} - must == {"publish_title", "unpublish_title"}

    in_world(tmp_path, run)


def test_of_ten_edits_of_one_version_one_wins(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}"
        patches = [world.call("PATCH", path, json={"name": f"n{n}"}, headers={"If-Match": '"1"'}) for n in range(10)]
        assert sorted(answer.status_code for answer in await asyncio.gather(*patches)) == [200] + [412] * 9

    in_world(tmp_path, run)


def test_a_merge_patch_resets_what_it_nulls_and_refuses_what_cannot_be(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make(synopsis='Long', year=1998, genres=['Drama']))['title_id']}"
        merge = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        done = (await world.call("PATCH", path, content=b'{"synopsis": null, "year": null, "languages": ["en"]}', headers=merge)).json()
        assert (done["synopsis"], done["year"], done["languages"], done["genres"]) == ("", None, ["en"], ["Drama"])
        for wrong in (b'{"name": null}', b'{"nmae": "x"}', b'{"maturity": 19}', b'{"languages": ["english!"]}', b"[]", b"{"):
            assert (await world.call("PATCH", path, content=wrong, headers=merge)).status_code == 422, wrong

    in_world(tmp_path, run)


def test_a_post_with_a_key_makes_one_title(tmp_path):
    async def run(world: World) -> None:
        body = {"kind": "series", "name": "Harbour"}
        answers = [await world.call("POST", json=body, headers={"Idempotency-Key": "k"}) for _ in range(3)]
        assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
        assert len((await world.get())["items"]) == 1
        other = await world.call("POST", json={**body, "name": "Other"}, headers={"Idempotency-Key": "k"})
        assert other.status_code == 422

    in_world(tmp_path, run)


def test_a_misspelt_field_is_refused_however_deep_it_is(tmp_path):
    async def run(world: World) -> None:
        film, series = (await world.make())["title_id"], (await world.make(kind="series"))["title_id"]
        any_version = {"If-Match": "*"}
        markers = {"intro": {"start_s": 1, "end_s": 2}, "credits": {"start_s": 50}}
        await world.call("PUT", f"/{film}/markers", json=markers, headers=any_version)
        requests = [
            ("PUT", f"/{film}/markers", {"credit": {"start_s": 5}}),
            ("PUT", f"/{film}/markers", {"credits": {"start_s": 5, "end": 6}}),
            ("PUT", f"/{series}/seasons/1/episodes/1", {"name": "x", "markers": {"outro": {}}}),
            ("PATCH", f"/{film}", {"cast": [{"name": "Ada", "rôle": "Queen"}]}),
            ("POST", "", {"kind": "film", "name": "x", "cast": [{"name": "Ada", "as": "Queen"}]}),
        ]
        for method, path, body in requests:
            answer = await world.call(method, path, json=body, headers=any_version)
            assert (answer.status_code, answer.json()["type"]) == (422, "urn:matinee:error:invalid-input"), path
        assert (await world.get(f"/{film}"))["markers"] == markers

    in_world(tmp_path, run)


def test_an_edit_that_changes_nothing_makes_no_new_version(tmp_path):
    async def run(world: World) -> None:
        series = (await world.make(kind="series", cast=[{"name": "Ada", "role": "Queen"}]))["title_id"]
        film = (await world.make())["title_id"]
        markers = {"intro": {"start_s": 1, "end_s": 2}, "credits": {"start_s": 50}}
        requests = [
            ("PUT", f"/{series}/seasons/1/episodes/1", {"name": "x", "markers": markers}),
            ("PATCH", f"/{series}/seasons/1/episodes/1", {"markers": {"credits": {"start_s": 51}}}),
            ("PATCH", f"/{series}", {"cast": [{"name": "Ada", "role": "King"}]}),
            ("PUT", f"/{series}/trailers/1", {"name": "t"}),
            ("PUT", f"/{film}/markers", markers),
        ]
        for method, path, body in requests:
            first, again = [await world.call(method, path, json=body, headers={"If-Match": "*"}) for _ in range(2)]
            assert first.status_code in {200, 201} and first.json() == again.json(), path
            assert first.headers["ETag"] == again.headers["ETag"], path

    in_world(tmp_path, run)


def test_a_title_that_would_grow_too_large_is_refused(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        long = [EpisodeRecord(season=1, episode=number, name="x", synopsis="\u20ac" * 4000) for number in range(81)]
        await world.catalog.edit(title_id, ANY, lambda record: record.model_copy(update={"episodes": long}))
        path = f"/{title_id}/seasons/2/episodes/1"
        answer = await world.call("PUT", path, json={"name": "x", "synopsis": "\u20ac" * 4000}, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:matinee:error:too-large")
        assert len((await world.get(f"/{title_id}"))["seasons"]) == 1
        assert await world.relay() == 2

    in_world(tmp_path, run)


def test_another_replica_sees_a_change_once_the_relay_has_run(tmp_path):
    async def run(world: World) -> None:
        async with opened(settings_in(tmp_path)) as other:
            title_id = (await world.make())["title_id"]
            assert (await other.get("", "adult"))["items"] == []
            assert await other.catalog.playable(title_id)  # from the store
            assert await world.relay() == 1
            await eventually(lambda: len(other.catalog.snapshot) == 1)
            assert (await other.get(f"/{title_id}", "adult"))["name"] == "Night Train"
            await world.call("DELETE", f"/{title_id}", headers={"If-Match": "*"})
            await world.relay()
            await eventually(lambda: len(other.catalog.snapshot) == 0)
            assert (await other.call("GET", f"/{title_id}", "adult")).status_code == 404

    in_world(tmp_path, run)


def test_a_replica_that_starts_later_has_everything_that_was_acknowledged(tmp_path):
    async def main() -> None:
        async with opened(settings_in(tmp_path)) as world:
            titles = [(await world.make(f"film {number}"))["title_id"] for number in range(60)]
            await world.call("DELETE", f"/{titles[0]}", headers={"If-Match": "*"})
        async with opened(settings_in(tmp_path)) as world:
            assert {item["title_id"] for item in await world.pages("adult", limit=7)} == set(titles[1:])
            assert await world.relay() > 0  # events of before the scan change nothing
            await eventually(lambda: world.catalog.stale_s < 1)
            assert len(world.catalog.snapshot) == 59

    asyncio.run(main())


def test_a_replica_is_healthy_until_it_stops_following(tmp_path):
    async def main() -> None:
        catalog = Catalog(settings_in(tmp_path))
        await catalog.open()
        await catalog.check()
        await catalog.close()
        with pytest.raises(Exception, match="follower has ended"):
            await catalog.check()

    asyncio.run(main())
