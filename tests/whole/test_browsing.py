"""What members do before they watch: the page is theirs, search finds what is published, and neither shows what is not for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serve_apps.profiles.routes import PREFIX as PROFILES
from serve_apps.recommendations.routes import PREFIX as HOME
from serve_apps.search.routes import PREFIX as SEARCH
from tests.whole import films, people
from tests.whole.composition import Whole, running
from tests.whole.people import Person


async def rows(whole: Whole, viewer: Person) -> dict[str, list[tuple[str, str | None]]]:
    page: dict[str, Any] = await whole.get(HOME, viewer)
    assert not any(row["failed"] for row in page["rows"])
    return {row["row_id"]: [(item["title"]["name"], item["label"]) for item in row["items"]] for row in page["rows"]}


def test_the_page_follows_what_a_profile_does_and_search_what_operators_do(tmp_path: Path) -> None:
    async def scene(whole: Whole) -> None:
        operator = await people.operator(whole)
        film = await films.publish_film(whole, operator, "The Night Train", genres=["Drama"], cast=[{"name": "Ida Lupino"}])
        series = await films.publish_series(whole, operator, "Harbour", episodes=2, genres=["Crime"])
        adult = await films.publish_film(whole, operator, "Night for Adults", maturity=18, genres=["Drama"])
        for title_id in (film, series, adult):
            await films.followed(whole, title_id)
        viewer = await people.viewer(whole)
        child = await people.kid(whole, viewer)
        new = [("Night for Adults", None), ("Harbour", "S1 E1"), ("The Night Train", None)]
        assert await rows(whole, viewer) == {"new": new}
        assert await rows(whole, child) == {"new": new[1:]}

        await films.watch(whole, viewer, f"{series}-s01e01", position_s=99.0)
        await films.watch(whole, viewer, film, position_s=30.0)
        assert (await whole.ask("PUT", f"{PROFILES}/me/list/{adult}", viewer)).status_code == 204
        mine = await rows(whole, viewer)
        assert mine["continue"] == [("The Night Train", None), ("Harbour", "S1 E2")]
        assert mine["list"] == [("Night for Adults", None)]
        assert await rows(whole, child) == {"new": new[1:]}
        assert [card["name"] for card in (await whole.get(f"{HOME}/similar/{film}", viewer))["items"]] == ["Night for Adults"]
        assert (await whole.get(f"{HOME}/similar/{film}", child))["items"] == []

        assert [hit["title"]["name"] for hit in (await whole.get(SEARCH, viewer, q="nihgt"))["items"]] == [
            "Night for Adults", "The Night Train",
        ]  # fmt: skip
        assert [hit["title"]["name"] for hit in (await whole.get(SEARCH, child, q="night"))["items"]] == ["The Night Train"]
        assert [hit["person"] for hit in (await whole.get(SEARCH, child, q="lupino"))["items"]] == ["Ida Lupino"]

    with running(tmp_path) as whole:
        whole.run(scene(whole))
