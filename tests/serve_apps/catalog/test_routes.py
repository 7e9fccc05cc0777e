import asyncio
import io

import pytest
from PIL import Image

from serve_apps.catalog.policy import ANY
from serve_apps.catalog.record import EpisodeRecord
from serve_apps.catalog.service import Catalog
from tests.serve_apps.catalog.world import BEARERS, EDGE, World, eventually, in_world, media, opened, settings_in


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


def test_seasons_and_episodes_stand_in_order_and_drafts_are_for_operators(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        for season, episode in ((2, 1), (1, 2), (1, 1)):
            await world.episode(title_id, season, episode)
        await world.episode(title_id, 0, 1, published=False)
        shown = await world.get(f"/{title_id}")
        places = [(season["season"], [part["episode"] for part in season["episodes"]]) for season in shown["seasons"]]
        assert places == [(0, [1]), (1, [1, 2]), (2, [1])]
        assert [season["season"] for season in (await world.get(f"/{title_id}", "adult"))["seasons"]] == [1, 2]
        assert (await world.get(f"/{title_id}/seasons/1/episodes/2", "adult"))["playable_id"] == f"{title_id}-s01e02"
        assert (await world.call("GET", f"/{title_id}/seasons/0/episodes/1", "adult")).status_code == 404
        assert (await world.get(f"/{title_id}/seasons/0/episodes/1"))["published"] is False

    in_world(tmp_path, run)


def test_an_episode_is_made_once_patched_and_removed(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        path = f"/{title_id}/seasons/1/episodes/3"
        new = {"If-None-Match": "*"}
        assert (await world.call("PUT", path, json={"name": "Pilot"})).status_code == 428
        assert (await world.call("PUT", path, json={"name": "Pilot"}, headers=new)).status_code == 201
        assert (await world.call("PUT", path, json={"name": "Pilot"}, headers=new)).status_code == 412
        await world.catalog.attach_media(f"{title_id}-s01e03", media())
        again = await world.call("PUT", path, json={"name": "Again"}, headers={"If-Match": "*"})
        assert (again.status_code, again.json()["available"]) == (200, True)
        markers = {"markers": {"intro": {"start_s": 3, "end_s": 9}, "credits": {"start_s": 50}}}
        assert (await world.call("PATCH", path, json=markers, headers={"If-Match": "*"})).json()["markers"] == markers["markers"]
        less = {"markers": {"credits": None}}
        patched = (await world.call("PATCH", path, json=less, headers={"If-Match": "*"})).json()
        assert patched["markers"] == {"intro": {"start_s": 3, "end_s": 9}, "credits": None}
        assert (await world.call("DELETE", path, headers={"If-Match": "*"})).status_code == 204
        assert (await world.call("GET", path)).status_code == 404
        assert (await world.call("PATCH", path, json=less, headers={"If-Match": "*"})).status_code == 404

    in_world(tmp_path, run)


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "wrong",
    [
        {"markers": nested(300)},
        {"markers": {"credit": {"start_s": 5}}},
        {"markers": {"intro": {"start": 5}}},
        {"markers": {"intro": {"end_s": 1}}},
        {"markers": {"credits": {"start_s": "NaN"}}},
        {"markers": []},
    ],
    ids=["deep", "credit", "start", "ends-first", "no-number", "list"],
)
def test_a_patch_of_markers_that_are_none_is_refused_and_changes_nothing(tmp_path, wrong):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series"))["title_id"]
        markers = {"intro": {"start_s": 3, "end_s": 9}, "credits": {"start_s": 50}}
        await world.episode(title_id, 1, 1, markers=markers)
        path, any_version = f"/{title_id}/seasons/1/episodes/1", {"If-Match": "*"}
        refused = await world.call("PATCH", path, json=wrong, headers=any_version)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:matinee:error:invalid-input"), refused.text
        assert (await world.get(path))["markers"] == markers
        later = await world.call("PATCH", path, json={"markers": {"intro": {"end_s": 11}}}, headers=any_version)
        assert later.json()["markers"] == {"intro": {"start_s": 3, "end_s": 11}, "credits": {"start_s": 50}}
        assert (await world.call("PATCH", path, json={"markers": None}, headers=any_version)).json()["markers"] is None

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


def test_a_film_has_no_episodes_and_a_series_no_markers(tmp_path):
    async def run(world: World) -> None:
        film, series = (await world.make())["title_id"], (await world.make(kind="series"))["title_id"]
        any_version = {"If-Match": "*"}
        assert (await world.call("PUT", f"/{film}/seasons/1/episodes/1", json={"name": "x"}, headers=any_version)).status_code == 409
        assert (await world.call("PUT", f"/{series}/markers", json={}, headers=any_version)).status_code == 409
        marked = await world.call("PUT", f"/{film}/markers", json={"credits": {"start_s": 50}}, headers=any_version)
        assert marked.json()["markers"] == {"intro": None, "credits": {"start_s": 50}}
        backwards = {"intro": {"start_s": 9, "end_s": 3}}
        assert (await world.call("PUT", f"/{film}/markers", json=backwards, headers=any_version)).status_code == 422

    in_world(tmp_path, run)


def test_trailers_belong_to_films_and_series(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make())["title_id"]
        path = f"/{title_id}/trailers/1"
        made = await world.call("PUT", path, json={"name": "Teaser", "synopsis": "Soon"}, headers={"If-None-Match": "*"})
        assert (made.status_code, made.json()["playable_id"]) == (201, f"{title_id}-t01")
        assert (await world.get(path, "adult"))["synopsis"] == "Soon"
        assert [part["name"] for part in (await world.get(f"/{title_id}", "adult"))["trailers"]] == ["Teaser"]
        assert (await world.call("DELETE", path, headers={"If-Match": "*"})).status_code == 204
        assert (await world.call("GET", path)).status_code == 404

    in_world(tmp_path, run)


def picture(kind: str, size: tuple[int, int] = (900, 1350)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 60)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "webp"), ("WEBP", "webp")])
def test_artwork_is_stored_by_its_content_with_narrower_copies(tmp_path, kind, extension):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}"
        put = await world.call("PUT", path + "/artwork/poster", content=picture(kind), headers={"If-Match": '"1"'})
        assert put.status_code == 200, put.text
        images = put.json()["artwork"]["poster"]
        assert [(image["width"], image["height"]) for image in images] == [(900, 1350), (780, 1170), (342, 513)]
        assert images[0]["url"].endswith("." + extension)
        for image in images:
            stored = world.settings.data / "objects" / "artwork" / image["url"].removeprefix(EDGE + "/a/")
            assert Image.open(stored).width == image["width"]
        again = await world.call("PUT", path + "/artwork/poster", content=picture(kind), headers={"If-Match": '"2"'})
        assert again.headers["ETag"] == '"2"'
        card = (await world.get("", "adult"))["items"][0]
        assert card["artwork"]["poster"] == images
        assert (await world.call("DELETE", path + "/artwork/poster", headers={"If-Match": "*"})).json()["artwork"]["poster"] == []

    in_world(tmp_path, run)


def test_what_is_no_picture_is_refused_and_leaves_nothing(tmp_path):
    async def run(world: World) -> None:
        path = f"/{(await world.make())['title_id']}/artwork/poster"
        whole = picture("PNG", (64, 64))
        for wrong in (b"", b"GIF89a" + bytes(100), whole[: len(whole) // 2], picture("JPEG", (8, 8)), picture("GIF", (64, 64))):
            refused = await world.call("PUT", path, content=wrong, headers={"If-Match": "*"})
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:matinee:error:image-refused")
        large = await world.call("PUT", path, content=bytes(8 * 2**20 + 1), headers={"If-Match": "*"})
        assert large.status_code == 413
        assert not (world.settings.data / "objects" / "artwork").exists()

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


def test_lists_filter_and_sort(tmp_path):
    async def run(world: World) -> None:
        await world.make("beta", year=2001, genres=["Drama"], languages=["en-GB"])
        await world.make("Alpha", year=2003, genres=["Comedy"], languages=["de"])
        await world.make("gamma", kind="series", genres=["drama", "Comedy"], languages=["en"])

        async def names(**params: object) -> list[str]:
            return [item["name"] for item in (await world.get("", "adult", **params))["items"]]

        assert await names() == ["gamma", "Alpha", "beta"]
        assert await names(sort="name") == ["Alpha", "beta", "gamma"]
        assert await names(sort="year") == ["Alpha", "beta", "gamma"]
        assert await names(kind="series") == ["gamma"]
        assert await names(genre="DRAMA") == ["gamma", "beta"]
        assert await names(language="en") == ["gamma", "beta"]
        assert await names(name="ALPHA", year=2003) == ["Alpha"]
        assert await names(name="Alpha", year=2001) == []
        assert (await world.get("/genres", "adult"))["items"] == [{"genre": "Comedy", "titles": 2}, {"genre": "Drama", "titles": 2}]

    in_world(tmp_path, run)


def test_a_cursor_of_another_order_or_of_nobody_is_refused(tmp_path):
    async def run(world: World) -> None:
        for name in "abc":
            await world.make(name)
        cursor = (await world.get(sort="name", limit=1))["next_cursor"]
        for wrong, sort in ((cursor, "year"), (cursor + "x", "name"), ("bm8", "name"), ("!", "name"), ("W10", "added")):
            refused = await world.call("GET", params={"cursor": wrong, "sort": sort})
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:matinee:error:invalid-cursor"), wrong

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
