"""What a page may do and reach: our own scripts, and the edges that are there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.web.policy import ORIGINS_LIMIT, content_security_policy, origins_of
from serve_apps.web.service import REFRESH_S
from tests.serve_apps.web.world import World

SOURCE = re.compile(r"https?://[a-z0-9._-]+:\*|https?:")


def directives(policy: str) -> Mapping[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split("; "))}


async def policy_of(world: World, path: str = "/") -> Mapping[str, list[str]]:
    return directives((await world.ask(path)).headers["content-security-policy"])


def test_a_page_runs_our_own_scripts_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    for path in ("/", "/console"):
        policy = world.run(policy_of(world, path))
        assert policy["default-src"] == ["'self'"]
        assert policy["script-src"] == ["'self'"]
        assert policy["style-src"] == ["'self'", "'unsafe-inline'"]
        assert policy["worker-src"] == ["'self'", "blob:"]
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]


def test_a_page_is_delivered_by_its_own_edge_before_that_has_told_of_itself(tmp_path: Path) -> None:
    world = World(tmp_path, edge_url="https://edge.example.org:8443")
    policy = world.run(policy_of(world))
    assert policy["connect-src"] == ["'self'", "https://edge.example.org:*"]
    assert policy["img-src"] == ["'self'", "blob:", "https://edge.example.org:*"]
    assert policy["media-src"] == ["'self'", "blob:", "data:", "https://edge.example.org:*"]


def test_edges_come_and_go(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def scene() -> None:
        await world.edge("a", "http://10.0.0.7:8090")
        assert (await policy_of(world))["connect-src"] == ["'self'", "http://127.0.0.1:*", "http://10.0.0.7:*"]
        await world.edge("b", "http://10.0.0.8:8090")
        await world.edge("c", "http://10.0.0.8:8091")
        world.clock.advance(REFRESH_S)
        assert (await policy_of(world))["media-src"][3:] == ["http://127.0.0.1:*", "http://10.0.0.7:*", "http://10.0.0.8:*"]
        world.clock.advance(60.0)
        assert (await policy_of(world))["connect-src"] == ["'self'", "http://127.0.0.1:*"]

    world.run(scene())


def test_a_page_that_a_browser_kept_is_renewed_when_edges_change(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def scene() -> None:
        kept = (await world.ask("/")).headers["etag"]
        assert (await world.ask("/", If_None_Match=kept)).status == 304
        await world.edge("a", "http://10.0.0.7:8090")
        world.clock.advance(REFRESH_S)
        assert (await world.ask("/", If_None_Match=kept)).status == 200

    world.run(scene())


def test_many_readers_ask_the_store_once_in_a_while(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.away = True

    async def scene() -> None:
        await asyncio.gather(*(world.ask("/") for _ in range(20)))
        assert world.opened == 1
        world.clock.advance(REFRESH_S)
        await world.ask("/")
        assert world.opened == 2

    world.run(scene())


@pytest.mark.parametrize("trouble", ["away", "hangs"])
def test_while_the_store_is_away_pages_are_served_and_the_replica_is_healthy(tmp_path: Path, trouble: str) -> None:
    world = World(tmp_path)
    setattr(world, trouble, True)

    async def scene() -> None:
        answer = await world.ask("/")
        assert (answer.status, directives(answer.headers["content-security-policy"])["connect-src"][1:]) == (200, ["http://127.0.0.1:*"])
        await world.web.check()
        setattr(world, trouble, False)
        await world.edge("a", "http://10.0.0.7:8090")
        world.clock.advance(REFRESH_S)
        assert "http://10.0.0.7:*" in (await policy_of(world))["connect-src"]

    world.run(scene())


def test_a_machine_without_a_name_is_reached_by_its_scheme() -> None:
    assert origins_of(["http://[fd00::5]:8090", "https://Edge.Example:443/", "http://127.0.0.1"]) == [
        "http:",
        "https://edge.example:*",
        "http://127.0.0.1:*",
    ]


@given(
    st.lists(st.one_of(st.text(), st.from_regex(r"https?://[^/]*(:\d+)?.*"), st.just("http://a;script-src *"), st.just("http://a\r\nX: y")))
)
def test_nothing_but_origins_gets_into_a_policy(urls: list[str]) -> None:
    origins = origins_of(urls)
    assert all(SOURCE.fullmatch(origin) for origin in origins)
    assert len(origins) == len(set(origins)) <= ORIGINS_LIMIT
    assert directives(content_security_policy(origins)).keys() == directives(content_security_policy([])).keys()
