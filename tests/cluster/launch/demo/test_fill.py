"""The demo fills all services in this process; only drawing and encoding are quick ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.processors import PLAYS, PROFILES, LogProcessor
from actors.processors.kept import PROCESSED
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.errors import StorageFull
from cluster.launch import filling
from cluster.launch.demo.drawing import draw_poster
from cluster.launch.demo.fill import MEMBERS, Demo, Member
from cluster.launch.demo.works import Work, all_works
from serve_apps.recommendations.encoder import Encoder
from serve_apps.recommendations.kept_bundles import KeptBundles
from serve_apps.recommendations.live import Live
from tests.cluster.launch.services import Api, Silence
from tests.serve_apps.recommendations.made_models import EncoderTarget
from tests.serve_apps.studio.rig import until
from tests.whole import people
from tests.whole.composition import Whole, running


class Scene:
    def __init__(self, whole: Whole, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        self.operator = whole.run(people.operator(whole))
        self.api = Api(whole, self.operator)
        self.made: list[str] = []
        self.reported: list[tuple[int, int, str]] = []
        draw_poster("A title", ("#1d3557", "#f1faee"), 1, folder / "poster.jpg")
        self._picture = (folder / "poster.jpg").read_bytes()

    def works(self) -> list[Work]:
        """The programme, its films of a few bytes and its pictures all the same."""

        def quick(work: Work) -> Work:
            def make(path: Path) -> None:
                self.made.append(work.name)
                path.write_bytes(work.name.encode())

            return msgspec.structs.replace(work, make=make, draw=lambda path, _width, _height: path.write_bytes(self._picture))

        return [quick(work) for work in all_works(self.folder)]

    def fill(self, works: list[Work] | None = None) -> list[str]:
        demo = Demo(self.api, self.folder / "work", works or self.works(), lambda *told: self.reported.append(told), self.api.pause)
        return demo.run()

    def watched_and_learned(self) -> list[str]:
        """As the process beside a running instance does it all; of series the first episodes alone."""
        told: list[str] = []
        settings, works = self.whole.settings, list({work.title["name"]: work for work in reversed(self.works())}.values())
        problems = filling.fill(settings, self.api, works, self.folder, told.append, time.time(), self.api.pause)
        assert problems + filling.learn(settings, told.append) == []
        return told

    def titles(self) -> dict[str, dict[str, Any]]:
        cards = self.whole.run(self.whole.get("/api/v1/titles", self.operator, limit=100))["items"]
        wholes = [self.whole.run(self.whole.get(f"/api/v1/titles/{card['title_id']}", self.operator)) for card in cards]
        return {title["name"]: title for title in wholes}

    def profiles(self, member: Member) -> list[dict[str, Any]]:
        person = self.whole.run(people.sign_in(self.whole, people.Person(member.email, member.name, member.password, {})))
        return list(self.whole.run(self.whole.get("/api/v1/profiles", person))["items"])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with running(tmp_path / "data") as whole:
        yield Scene(whole, tmp_path)


def playable(titles: dict[str, dict[str, Any]]) -> int:
    films = [title for title in titles.values() if title["kind"] == "film" and title["media"] and title["published"]]
    series = [title for title in titles.values() if title["kind"] == "series" and title["published"]]
    return len(films) + sum(bool(part["media"]) for title in series for season in title["seasons"] for part in season["episodes"])


def test_it_fills_films_two_series_and_two_members_with_a_child_each(scene: Scene) -> None:
    assert scene.fill() == []
    titles = scene.titles()
    assert playable(titles) == len(scene.works()) >= 24
    assert len([title for title in titles.values() if title["kind"] == "series"]) == 2
    assert scene.made[0] == "Big Buck Bunny"
    assert "Blender Foundation" in titles["Big Buck Bunny"]["synopsis"]
    assert all(title["artwork"]["backdrop"] for title in titles.values())
    assert [done for done, _, _ in scene.reported] == list(range(1, len(scene.works()) + 1))
    assert len(MEMBERS) == 2
    for member in MEMBERS:
        assert [profile["kids"] for profile in scene.profiles(member)] == [False, True]
    assert not (scene.folder / "work").exists()


def parts(titles: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Everything that plays, by the programme's names."""
    episodes = {
        f"{title['name']} {part['season']}x{part['episode']}": part
        for title in titles.values()
        for season in title["seasons"]
        for part in season["episodes"]
    }
    return {name: title for name, title in titles.items() if title["kind"] == "film"} | episodes


def test_every_page_has_something_to_show_and_players_know_what_to_skip(scene: Scene) -> None:
    works = scene.works()
    assert scene.fill(works) == []
    titles = scene.titles()
    assert all(title["synopsis"] and title["genres"] and title["year"] for title in titles.values())
    assert all(member["name"] and member["role"] for title in titles.values() for member in title["cast"])
    assert all(title["cast"] for title in titles.values())
    shown = parts(titles)
    assert all(part["synopsis"] for part in shown.values())
    assert {name: part["markers"] for name, part in shown.items()} == {work.name: work.markers for work in works}
    assert [name for name, part in shown.items() if part["markers"] is None] == ["Big Buck Bunny"]


def test_it_goes_on_after_a_break_and_leaves_what_is_there(scene: Scene) -> None:
    works = scene.works()
    scene.fill(works[:9])
    (scene.folder / "work").mkdir()
    (scene.folder / "work/07.mp4").write_bytes(b"half a film")
    scene.made.clear()
    assert scene.fill(works[6:12]) == []
    assert sorted(scene.made) == sorted(work.name for work in works[9:12])
    assert playable(scene.titles()) == 12
    assert not (scene.folder / "work").exists()


@pytest.mark.parametrize(
    "request_", ["GET .*/titles", "POST .*/titles", "POST .*/accounts", "POST .*/profiles", "GET .*/titles/[^/]*", "PUT .*/markers"]
)
def test_a_moment_without_an_answer_ends_nothing(scene: Scene, request_: str) -> None:
    scene.api.before = Silence(request_, 2)
    assert scene.fill(scene.works()[:3]) == []
    titles = scene.titles()
    assert playable(titles) == 3
    assert [bool(part["markers"]) for _, part in sorted(parts(titles).items())] == [False, True, True]
    assert [profile["kids"] for member in MEMBERS for profile in scene.profiles(member)] == [False, True] * 2


def test_a_film_that_cannot_be_made_is_told_and_the_others_are_made(scene: Scene) -> None:
    works = scene.works()[:4]

    def fails(_: Path) -> None:
        raise StorageFull("the disk is full")

    works[1] = msgspec.structs.replace(works[1], make=fails)
    assert scene.fill(works) == [f"{works[1].name}: the disk is full"]
    assert playable(scene.titles()) == 3


@pytest.mark.skipif(not find_spec("torch"), reason="this install has no PyTorch")
def test_its_audience_watches_a_model_learns_from_that_and_the_two_members_see_different_pages(scene: Scene) -> None:
    whole = scene.whole
    told = scene.watched_and_learned()
    assert "14 are made; the audience watches" in told
    assert any(line.startswith("a model learns: epoch 1 of ") for line in told)
    again = scene.watched_and_learned()
    assert [line for line in again if "learns" in line] == []

    mira, jonas = whole.run(picked_for(whole))
    assert mira and jonas and mira != jonas
    assert set(scene.titles()[mira[0]]["genres"]) & {"Family", "Comedy"}, mira


async def picked_for(whole: Whole) -> list[list[str]]:
    """Each member's row of picks, by names, once all that was played has come through outbox and log."""
    opens = [partial(open_store, whole.settings.store, table) for table in (PROCESSED, HINTS)]
    processors = [LogProcessor(each, *opens, partial(open_log, whole.settings.log)) for each in (PLAYS, PROFILES)]
    bundles = KeptBundles(whole.settings)
    whole.recommendations.live = live = Live(bundles, EncoderTarget(Encoder(bundles.sequence_model)))
    publishing = asyncio.create_task(whole.relay.run())
    try:
        members = [await people.sign_in(whole, people.Person(each.email, each.name, each.password, {})) for each in MEMBERS]
        viewers = [await people.choose_profile(whole, member) for member in members]

        async def all_there() -> bool:
            for processor in processors:
                await processor.run_once()
            states = [await whole.recommendations.states.read(viewer.account_id, viewer.profile_id) for viewer in viewers]
            return all(len(state.plays) == len(each.likes) for state, each in zip(states, MEMBERS, strict=True))

        await until(all_there)
        await live.following.refresh()

        async def page(viewer: people.Person) -> dict[str, Any] | None:
            found = await whole.get("/api/v1/home", viewer)
            return found if found["fallback"] == "none" else None  # the first question may take longer than a page waits

        pages = [await until(partial(page, viewer)) for viewer in viewers]
        return [[item["title"]["name"] for row in page["rows"] if row["kind"] == "top-picks" for item in row["items"]] for page in pages]
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        await live.close()
        whole.recommendations.live = None
        for processor in processors:
            await processor.close()


def test_a_member_that_lost_the_childs_profile_gets_it_back(scene: Scene) -> None:
    mira = MEMBERS[0]
    account = {"email": mira.email, "password": mira.password, "name": mira.name}
    assert scene.whole.run(scene.whole.ask("POST", "/api/v1/auth/accounts", json=account)).status_code == 201
    assert scene.fill(scene.works()[:1]) == []
    assert [profile["name"] for profile in scene.profiles(mira)] == [mira.name, mira.kid]


def test_a_member_who_took_another_password_is_left_alone(scene: Scene) -> None:
    account = {"email": MEMBERS[0].email, "password": "a password of their own", "name": "Mira"}
    assert scene.whole.run(scene.whole.ask("POST", "/api/v1/auth/accounts", json=account)).status_code == 201
    assert scene.fill(scene.works()[:1]) == []
