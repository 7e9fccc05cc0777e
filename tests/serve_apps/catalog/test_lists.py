"""What lists hold, in which order, page after page."""

import pytest

from serve_apps.catalog.schemas import Media, Track
from tests.serve_apps.catalog.world import World, in_world, media


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
        for language in ("en", "EN"):
            assert await names(language=language) == ["gamma", "beta"]
        assert await names(language="en-gb") == ["beta"]
        assert await names(name="ALPHA", year=2003) == ["Alpha"]
        assert await names(name="Alpha", year=2001) == []
        assert (await world.get("/genres", "adult"))["items"] == [{"genre": "Comedy", "titles": 2}, {"genre": "Drama", "titles": 2}]

    in_world(tmp_path, run)


@pytest.mark.parametrize("letter", ["\U0001f3ac", "\u0390", '"', "\x01"], ids=["emoji", "grows-without-case", "quote", "control"])
@pytest.mark.parametrize("sort", ["name", "year"])
def test_a_page_ends_at_the_longest_name_and_goes_on(tmp_path, letter, sort):
    async def run(world: World) -> None:
        names = [letter * 199 + end for end in "abc"]
        for name in names:
            await world.make(name)
        assert [item["name"] for item in await world.pages("adult", sort=sort, limit=1)] == names

    in_world(tmp_path, run)


def test_languages_are_what_operators_say_and_what_members_can_hear(tmp_path):
    async def run(world: World) -> None:
        def heard(*languages: str) -> Media:
            return media(audio=[Track(language=language, label=language) for language in languages])

        async def told(title_id: str) -> object:
            (card,) = (item for item in (await world.get("", "adult"))["items"] if item["title_id"] == title_id)
            assert (
                card["languages"]
                == (await world.get(f"/{title_id}"))["languages"]
                == (await world.get(f"/{title_id}", "adult"))["languages"]
            )
            return card["languages"]

        film = (await world.make(languages=["pt-BR"]))["title_id"]
        await world.catalog.attach_media(film, heard("en", "PT-br", "und"))
        assert await told(film) == ["pt-BR", "en"]
        await world.catalog.attach_media(film, heard("de"))
        assert await told(film) == ["pt-BR", "de"]
        series = (await world.make(kind="series"))["title_id"]
        for number, published in ((1, True), (2, True), (3, False)):
            await world.episode(series, 1, number, published=published)
            await world.catalog.attach_media(f"{series}-s01e0{number}", heard("en", ("fr", "it", "sv")[number - 1]))
        assert await told(series) == ["en", "fr", "it"]
        await world.call("DELETE", f"/{series}/seasons/1/episodes/1", headers={"If-Match": "*"})
        assert await told(series) == ["en", "it"]

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
