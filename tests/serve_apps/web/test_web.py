"""The page at / through HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence

import httpx
import pytest

from serve_apps.http import served
from serve_apps.web.routes import PREFIX, NoMembers, create_api
from serve_apps.web.schemas import Listed
from serve_apps.web.service import REFRESH_S, Web
from tests.clock import Clock


class FakeDirectory:
    """Lists two services; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.name = "catalog"

    def listed(self, timeout_s: float) -> Sequence[Listed]:
        self.asked += 1
        if self.fails:
            raise RuntimeError("Ray is away")
        return [
            Listed(name=self.name, prefix="/api/v1/titles", does="Films & series", runs=True),
            Listed(name="web", prefix="/", does="This page", runs=False),
        ]


def get(web: Web, path: str = "/") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(served(create_api(web, NoMembers()), PREFIX))
        async with httpx.AsyncClient(transport=transport, base_url="http://matinee") as http:
            return await http.get(path)

    return asyncio.run(ask())


def test_the_page_links_to_the_documents_of_each_service() -> None:
    page = get(Web(FakeDirectory(), Clock())).text
    assert re.findall(r'href="(/[^"]*)"', page) == ["/api/v1/titles/docs", "/docs"]


def test_the_page_says_what_runs_and_what_does_not() -> None:
    rows = re.findall(r"<li>.*?</li>", get(Web(FakeDirectory(), Clock())).text)
    assert ">runs<" in rows[0]
    assert ">does not answer<" in rows[1]


def test_text_is_escaped() -> None:
    directory = FakeDirectory()
    directory.name = "<script>alert(1)</script>"
    page = get(Web(directory, Clock())).text
    assert "<script" not in page
    assert "Films &amp; series" in page


def test_nothing_is_fetched_from_elsewhere_and_only_its_own_style_is_allowed() -> None:
    answer = get(Web(FakeDirectory(), Clock()))
    policy = answer.headers["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"'sha256-{digest}'" in policy
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)


def test_the_page_is_for_light_and_dark() -> None:
    page = get(Web(FakeDirectory(), Clock())).text
    assert "color-scheme:light dark" in page
    assert "prefers-color-scheme:dark" in page


def test_many_readers_ask_the_cluster_once_in_a_while() -> None:
    directory, clock = FakeDirectory(), Clock()
    web = Web(directory, clock)

    async def read() -> None:
        await asyncio.gather(*(web.listed() for _ in range(20)))
        assert directory.asked == 1
        clock.advance(REFRESH_S + 0.1)
        await web.listed()
        assert directory.asked == 2

    asyncio.run(read())


def test_without_the_cluster_the_page_shows_what_it_saw_last() -> None:
    directory, clock = FakeDirectory(), Clock()
    web = Web(directory, clock)
    before = get(web).text
    directory.fails = True
    clock.advance(REFRESH_S + 0.1)
    assert get(web).text == before


@pytest.mark.parametrize("path", ["/nothing", "/index.html", "/api", "/%2e%2e/etc"])
def test_another_path_is_a_problem_document(path: str) -> None:
    answer = get(Web(FakeDirectory(), Clock()), path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_token_is_one_too_many_only_where_it_is_asked_for() -> None:
    assert get(Web(FakeDirectory(), Clock()), "/openapi.json").status_code == 200
