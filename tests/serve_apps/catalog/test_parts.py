"""The episodes and trailers of titles, and what players skip in them."""

import httpx
import pytest

from tests.serve_apps.catalog.world import World, in_world, media


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


MARKERS = {"intro": {"start_s": 3, "end_s": 9}, "credits": {"start_s": 50}}


@pytest.mark.parametrize("part", ["", "/seasons/1/episodes/1", "/trailers/1"], ids=["film", "episode", "trailer"])
def test_markers_are_written_and_read_from_the_version_that_they_were_made_of(tmp_path, part):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series" if "episodes" in part else "film"))["title_id"]
        path, playable_id = f"/{title_id}{part}", title_id + {"": "", "/t": "-t01", "/s": "-s01e01"}[part[:2]]
        if part:
            assert (await world.call("PUT", path, json={"name": "A part"}, headers={"If-None-Match": "*"})).status_code == 201
        etag = (await world.call("GET", path)).headers["ETag"]

        async def put(markers: object, if_match: str) -> httpx.Response:
            body = {"name": "A part", "markers": markers} if part else markers
            return await world.call("PUT", path if part else f"{path}/markers", json=body, headers={"If-Match": if_match})

        first = await put(MARKERS, etag)
        assert (first.status_code, first.json()["markers"]) == (200, MARKERS)
        read = await world.call("GET", path)
        assert (read.headers["ETag"], read.json()["markers"]) == (first.headers["ETag"], MARKERS)
        assert (await world.get(path, "adult"))["markers"] == MARKERS
        assert (await world.catalog.playable(playable_id)).model_dump()["markers"] == MARKERS
        late = await put({"credits": {"start_s": 51}}, etag)
        assert (late.status_code, late.json()["etag"]) == (412, first.headers["ETag"])
        assert (await world.get(path))["markers"] == MARKERS
        again = await put({"credits": {"start_s": 51}}, late.json()["etag"])
        assert again.json()["markers"] == {"intro": None, "credits": {"start_s": 51}}
        assert (await put({"intro": {"start_s": 9, "end_s": 3}}, "*")).status_code == 422

    in_world(tmp_path, run)


def test_whoever_was_slower_is_told_what_the_faster_one_made(tmp_path):
    async def run(world: World) -> None:
        title_id = (await world.make(kind="series", synopsis="As it was"))["title_id"]
        path, episode = f"/{title_id}", f"/{title_id}/seasons/1/episodes/1"
        await world.call("PATCH", path, json={"synopsis": "As Ann wrote it"}, headers={"If-Match": '"1"'})
        await world.call("PUT", episode, json={"name": "Pilot", "markers": MARKERS, "published": False}, headers={"If-None-Match": "*"})
        now = await world.call("GET", path)
        wanted = {"If-Match": '"1"'}
        for late in (
            await world.call("PATCH", path, json={"synopsis": "As Bo wrote it"}, headers=wanted),
            await world.call("PATCH", episode, json={"name": "Bo's"}, headers=wanted),
            await world.call("PUT", episode, json={"name": "Bo's"}, headers={"If-None-Match": "*"}),
            await world.call("DELETE", episode, headers=wanted),
            await world.call("PUT", path + "/trailers/1", json={"name": "Bo's"}, headers=wanted),
            await world.call("PUT", path + "/artwork/poster", content=b"not looked at", headers=wanted),
            await world.call("POST", path + "/unpublish", headers=wanted),
        ):
            assert (late.status_code, late.json()["type"]) == (412, "urn:matinee:error:precondition-failed")
            assert late.json()["etag"] == now.headers["ETag"]
            assert late.json()["current"] == now.json()
        assert now.json()["synopsis"] == "As Ann wrote it"
        mine = await world.call("PATCH", path, json={"synopsis": "As Bo wrote it"}, headers={"If-Match": late.json()["etag"]})
        assert mine.json()["synopsis"] == "As Bo wrote it"
        assert mine.json()["seasons"] == now.json()["seasons"]

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
