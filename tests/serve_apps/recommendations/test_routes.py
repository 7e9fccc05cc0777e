from __future__ import annotations

import time
from functools import partial
from typing import Final

import pytest

from cluster.errors import ServiceUnavailable
from serve_apps.catalog.client import CatalogClient, Sight
from serve_apps.serving import LocalTarget
from tests.serve_apps.catalog.world import eventually, in_world, media
from tests.serve_apps.recommendations.titles import film, place
from tests.serve_apps.recommendations.world import SOURCE_S, Home, at_home
from tests.serve_apps.schema_check import check_api
from tests.serve_apps.studio.rig import until

EVERYTHING = Sight(18, drafts=True)
SEEN_WITHIN_S: Final = 20.0
"""Replicas follow within 2 s; a machine under load is no failure."""


def test_a_page_has_what_was_left_what_is_listed_and_what_is_new(tmp_path):
    async def run(home: Home) -> None:
        film = await home.make("Film")
        await CatalogClient(LocalTarget(home.catalog.catalog)).attach_media(film, media())
        other = await home.make("Other")
        home.playback.watched, home.profiles.listed_ids = [place(film, position_s=9)], [other]
        await eventually(lambda: home.service.titles.shelf.stock(EVERYTHING).by_id[film].parts)
        rows = await home.rows()
        assert [(row["kind"], row["label"], len(row["items"]), row["failed"], row["model_version"]) for row in rows.values()] == [
            ("continue", "Continue watching", 1, False, None),
            ("list", "My list", 1, False, None),
            ("new", "New", 1, False, None),
        ]
        (left,) = rows["continue"]["items"]
        assert (left["title"]["title_id"], left["playable_id"], left["position_s"]) == (film, film, 9.0)
        assert (await home.ask()).json()["hero"] is None

    at_home(tmp_path, run)


def test_home_and_what_is_alike_are_in_the_profiles_languages_and_what_it_listed_in_any(tmp_path):
    async def run(home: Home) -> None:
        made = {
            name: await home.make(name, languages=tags, genres=["Drama"])
            for name, tags in (("One", ["de"]), ("Two", ["de"]), ("Brazil", ["pt-BR"]), ("Both", ["en", "pt"]), ("Unsaid", []))
        }
        home.profiles.listed_ids = [made["Two"]]
        assert set(await home.names("new")) == {"One", "Two", "Brazil", "Both", "Unsaid"}
        home.profiles.wanted = ["pt"]
        assert set(await home.names("new")) == {"Brazil", "Both", "Unsaid"}
        assert await home.names("list") == ["Two"]
        alike = (await home.ask(f"/similar/{made['One']}")).json()["items"]
        assert {card["name"] for card in alike} == {"Brazil", "Both", "Unsaid"}
        home.profiles.wanted = ["ja"]
        assert len(await home.names("new")) == 5
        home.profiles.away = True
        assert len(await home.names("new")) == 5

    at_home(tmp_path, run)


@pytest.mark.parametrize("trouble", ["away", "hangs"])
@pytest.mark.parametrize("source", ["playback", "profiles"])
def test_a_source_that_does_not_answer_costs_its_row_and_no_other(tmp_path, trouble, source):
    async def run(home: Home) -> None:
        film = await home.make("Film")
        home.playback.watched, home.profiles.listed_ids = [place(film)], [film]
        setattr(getattr(home, source), trouble, True)
        began_s = time.monotonic()
        rows = await home.rows()
        assert time.monotonic() - began_s < SOURCE_S + 1
        failed, other = ("continue", "list") if source == "playback" else ("list", "continue")
        assert (rows[failed]["failed"], rows[failed]["items"]) == (True, [])
        assert other not in rows or not rows[other]["failed"]
        assert await home.names("new") == ["Film"]

    at_home(tmp_path, run)


def test_both_sources_are_asked_at_once(tmp_path):
    async def run(home: Home) -> None:
        await home.make("Film")
        home.playback.hangs = home.profiles.hangs = True
        rows = await home.rows()
        assert [row_id for row_id, row in rows.items() if row["failed"]] == ["continue", "list"]
        assert await home.names("new") == ["Film"]

    at_home(tmp_path, run)


def test_a_profile_sees_nothing_over_its_cap_and_nobody_sees_drafts(tmp_path):
    async def run(home: Home) -> None:
        _, _, adult = [
            await home.make(name, maturity=maturity, genres=["Drama"]) for name, maturity in (("Child", 6), ("Teen", 12), ("Adult", 18))
        ]
        draft = await home.make("Draft", maturity=0, published=False, genres=["Drama"])
        home.profiles.listed_ids = [title.title_id for title in home.service.titles.shelf.stock(EVERYTHING).newest]
        home.playback.watched = [place(title_id) for title_id in home.profiles.listed_ids]
        for bearer, seen in (("kid", {"Child"}), ("cap-12", {"Child", "Teen"}), ("adult", {"Child", "Teen", "Adult"}), ("cap-0", set())):
            page = (await home.ask("", bearer)).json()
            told = {item["title"]["name"] for row in page["rows"] for item in row["items"]}
            assert told == seen, bearer
        assert (await home.ask(f"/similar/{draft}")).status_code == 404
        assert (await home.ask(f"/similar/{draft}", "operator")).status_code == 200
        assert (await home.ask(f"/similar/{adult}", "operators-kid")).status_code == 404

    at_home(tmp_path, run)


def test_similar_titles_share_genre_or_cast(tmp_path):
    async def run(home: Home) -> None:
        ada = [{"name": "Ada Lovelace"}]
        title_id = await home.make("It", genres=["Drama"], cast=ada)
        await home.make("Same face", genres=["Comedy"], cast=ada)
        await home.make("Same genre", genres=["drama", "War"])
        await home.make("Over the cap", maturity=18, genres=["Drama"], cast=ada)
        await home.make("Nothing shared", genres=["Western"])
        found = (await home.ask(f"/similar/{title_id}", "kid")).json()["items"]
        assert [card["name"] for card in found] == ["Same face", "Same genre"]
        assert [card["name"] for card in (await home.ask(f"/similar/{title_id}", "kid", limit=1)).json()["items"]] == ["Same face"]
        assert (await home.ask(f"/similar/{'0' * 32}")).status_code == 404

    at_home(tmp_path, run)


async def is_new(home: Home, names: list[str]) -> bool:
    return await home.names("new") == names


def test_what_is_published_and_taken_back_is_followed(tmp_path):
    async def run(home: Home) -> None:
        title_id = await home.make("Film", published=False)
        assert await home.names("new") == []
        for act, names in (("publish", ["Film"]), ("unpublish", [])):
            await home.catalog.call("POST", f"/{title_id}/{act}")
            await until(partial(is_new, home, names), SEEN_WITHIN_S)

    at_home(tmp_path, run)


def test_who_has_no_profile_has_no_page(tmp_path):
    async def run(home: Home) -> None:
        for bearer, path, status in (
            ("owner", "", 403),
            ("operator", "", 403),
            ("owner", f"/similar/{'0' * 32}", 403),
            ("nobody", "", 401),
        ):
            assert (await home.ask(path, bearer)).status_code == status

    at_home(tmp_path, run)


def test_until_the_titles_are_read_there_is_no_page(tmp_path):
    async def run(catalog) -> None:
        home = Home(catalog)
        home.service.titles._opening_s = 0.01

        async def away(after: str | None) -> None:
            raise ServiceUnavailable

        catalog.catalog.titles = away
        async with home.http:
            await home.service.open()
            answer = await home.ask()
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            await home.service.check()
            del catalog.catalog.titles
            await eventually(lambda: home.service.titles.loaded)
            assert (await home.ask()).status_code == 200
            await home.service.close()

    in_world(tmp_path, run)


def test_a_page_of_many_titles_is_answered_quickly(tmp_path):
    async def run(home: Home) -> None:
        for number in range(2000):
            home.service.titles.shelf.put(film(f"f{number}", genres=[f"Genre {number % 20}"], cast=[f"Person {number % 300}"]))
        home.playback.watched = [place(f"f{number}") for number in range(60)]
        await home.ask()
        began_s = time.perf_counter()
        for _ in range(5):
            assert (await home.ask()).status_code == 200
        assert (time.perf_counter() - began_s) / 5 < 0.25

    at_home(tmp_path, run)


def test_every_answer_is_what_the_openapi_document_says(tmp_path):
    async def run(home: Home) -> None:
        title_id = await home.make("Film", genres=["Drama"])
        await home.make("Another", genres=["Drama"])
        for bearer in ("adult", "kid", "operator", None):
            made = await check_api(home.app, "/api/v1/home", bearer, examples=3, known={"title_id": [title_id]})
            assert made > 3

    at_home(tmp_path, run)
