"""A page is made once, and anew when anything that it is made from has changed."""

from __future__ import annotations

import json
from pathlib import Path
from weakref import ref

import msgspec

from serve_apps.recommendations.pages import Basis, Page, Pages
from serve_apps.recommendations.routes import PREFIX
from serve_apps.recommendations.sources import Sources
from serve_apps.recommendations.stock import Stock
from tests.serve_apps.catalog.world import ADULT, KID
from tests.serve_apps.recommendations.titles import place
from tests.serve_apps.recommendations.world import Home, at_home


def test_a_page_stays_until_a_source_or_a_title_changes(tmp_path: Path) -> None:
    async def scenario(home: Home) -> None:
        title_id = await home.make("First")
        first = await home.service.page(ADULT)
        assert await home.service.page(ADULT) is first
        assert await home.service.page(KID) is not first
        assert await home.service.page(ADULT) is first
        home.profiles.listed_ids = [title_id]
        listed = await home.service.page(ADULT)
        assert "list" in kinds(listed.data)
        home.playback.watched = [place(title_id)]
        assert await home.service.page(ADULT) is not listed
        await home.make("Second")
        assert b"Second" in (await home.service.page(ADULT)).data

    at_home(tmp_path, scenario, source_s=10.0)


def test_a_row_that_failed_comes_back_with_its_source(tmp_path: Path) -> None:
    async def scenario(home: Home) -> None:
        await home.make("First")
        whole = await home.service.page(ADULT)
        home.playback.away = True
        assert b'"failed":true' in (await home.service.page(ADULT)).data
        home.playback.away = False
        assert await home.service.page(ADULT) == whole

    at_home(tmp_path, scenario, source_s=10.0)


def test_so_many_bytes_are_kept_those_asked_for_last() -> None:
    stock, pages = Stock([]), Pages(limit_bytes=20)
    basis = Basis(ref(stock), Sources([], []), (), 0, None, 0)
    for name in "abc":
        pages.keep(("account", name), basis, Page(name.encode() * 8))
        pages.get(("account", "a"), basis)
    assert [pages.get(("account", name), basis) for name in "abc"] == [Page(b"a" * 8), None, Page(b"c" * 8)]


def test_a_page_that_is_asked_for_again_comes_in_gzip_to_who_takes_it(tmp_path: Path) -> None:
    async def scenario(home: Home) -> None:
        for name in ("First", "Second", "Third"):
            await home.make(name)
        plain = await home.service.page(ADULT)
        encodings = ("identity", "gzip", "br, gzip;q=0.5", "gzip;q=0", "gzip")
        answers = [await home.http.get(PREFIX, headers={"Authorization": "Bearer adult", "Accept-Encoding": each}) for each in encodings]
        assert [each.headers.get("Content-Encoding") for each in answers] == [None, "gzip", "gzip", None, "gzip"]
        assert {each.content for each in answers} == {plain.data}
        assert {each.headers["Vary"] for each in answers} == {"Accept-Encoding"}
        packed = await home.service.page(ADULT, packs=True)
        assert await home.service.page(ADULT, packs=True) is packed
        assert len(packed.data) < len(plain.data)

    at_home(tmp_path, scenario, source_s=10.0)


def test_what_was_made_from_anything_else_is_not_the_page() -> None:
    stock, other, pages = Stock([]), Stock([]), Pages()
    sources = Sources([place("film", position_s=60.0)], [])
    basis = Basis(ref(stock), sources, (), 0, None, 0)
    page = Page(b"page")
    pages.keep(("account", "a"), basis, page)
    assert pages.get(("account", "a"), Basis(ref(stock), Sources([place("film", position_s=60.0)], []), (), 0, None, 0)) is page
    changed = [
        {"stock": ref(other)},
        {"sources": Sources([place("film", position_s=61.0)], [])},
        {"sources": Sources(None, [])},
        {"begun": ("film",)},
        {"popular_version": 1},
        {"bundle_id": "another"},
        {"day": 1},
    ]
    assert [pages.get(("account", "a"), msgspec.structs.replace(basis, **fields)) for fields in changed] == [None] * len(changed)
    assert pages.get(("account", "b"), basis) is None


def kinds(page: bytes) -> set[str]:
    return {row["kind"] for row in json.loads(page)["rows"]}
