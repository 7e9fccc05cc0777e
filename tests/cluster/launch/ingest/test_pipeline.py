"""Ingest against all services in this process; only the encoders are quick ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.errors import InvalidInput, MediaRefused, ServiceUnavailable
from cluster.launch.client import error_of
from cluster.launch.ingest import tus
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.pipeline import Ingest, Options, Outcome
from tests.whole import people
from tests.whole.composition import Whole, running
from tests.whole.people import Person

KIB = 1024


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    with running(tmp_path / "data") as opened:
        yield opened


class Api:
    """The services as ingest sees them; breaks off after `patches` uploads of a chunk, if told."""

    def __init__(self, whole: Whole, operator: Person) -> None:
        self._whole, self._operator = whole, operator
        self._one_at_a_time = threading.Lock()  # uploads and polling share the loop
        self.requests: list[str] = []
        self.patches_left = 10**6

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        idempotent: bool | None = None,
    ) -> httpx.Response:
        if method == "PATCH" and path.startswith("/api/v1/studio/uploads"):
            self.patches_left -= 1
            if self.patches_left < 0:
                raise ServiceUnavailable("the line broke")
        with self._one_at_a_time:
            self.requests.append(f"{method} {path}")
            given: dict[str, Any] = {"headers": dict(headers or {}), "params": dict(params or {})}
            if json is not None:
                given["json"] = json
            if content is not None:
                given["content"] = content
            answer = self._whole.run(self._whole.ask(method, path, self._operator, **given))
        if not answer.is_success:
            raise error_of(answer)
        return answer

    def pause(self, _: float) -> None:
        with self._one_at_a_time:
            self._whole.run(asyncio.sleep(0.02))


class Silent:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None:
        self.heard.append(f"{sent_bytes}/{total_bytes}")

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None:
        self.heard.append(job["state"])

    def ended(self, outcome: Outcome) -> None:
        self.heard.append("ended")


class Scene:
    def __init__(self, whole: Whole, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        self.operator = whole.run(people.operator(whole))
        self.api, self.progress = Api(whole, self.operator), Silent()

    def file(self, name: str, size: int = 10 * KIB) -> Path:
        path = self.folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(256)) * (size // 256))
        return path

    def ingest(self, *paths: Path, **options: Any) -> list[Outcome]:
        journal = Journal(self.folder / "journal.json")
        return Ingest(self.api, journal, self.progress, Options(**options), self.api.pause).run(paths)

    def titles(self) -> list[dict[str, Any]]:
        return list(self.whole.run(self.whole.get("/api/v1/titles", self.operator))["items"])


@pytest.fixture
def scene(whole: Whole, tmp_path: Path) -> Scene:
    return Scene(whole, tmp_path)


def test_a_file_becomes_a_published_film_that_plays(scene: Scene) -> None:
    [outcome] = scene.ingest(scene.file("Blade Runner (1982).mkv"), genres=("Drama",), maturity=16)
    assert (outcome.error, outcome.state, outcome.published) == (None, "ready", True)
    [title] = scene.titles()
    assert (title["name"], title["year"], title["genres"], title["maturity"]) == ("Blade Runner", 1982, ["Drama"], 16)
    assert (title["published"], title["available"]) == (True, True)
    assert scene.progress.heard[0] == f"{10 * KIB}/{10 * KIB}"
    assert scene.progress.heard[-1] == "ended"


def test_a_draft_is_not_published(scene: Scene) -> None:
    [outcome] = scene.ingest(scene.file("Film (2020).mp4"), draft=True)
    assert (outcome.state, outcome.published) == ("ready", False)
    assert [title["published"] for title in scene.titles()] == [False]


def test_an_upload_that_broke_off_goes_on_where_it_stopped(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tus, "CHUNK_BYTES", 4 * KIB)
    film = scene.file("Film (2020).mp4", 10 * KIB)
    scene.api.patches_left = 2
    [broken] = scene.ingest(film)
    assert broken.error is not None
    scene.api.patches_left = 10**6
    scene.progress.heard.clear()
    [outcome] = scene.ingest(film)
    assert outcome.published
    assert scene.progress.heard[0] == f"{10 * KIB}/{10 * KIB}"  # 8 KiB were there
    assert len([line for line in scene.api.requests if line == "POST /api/v1/studio/uploads"]) == 1
    assert len(scene.titles()) == 1


def test_a_file_that_cannot_be_encoded_leaves_no_trace(scene: Scene) -> None:
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")] * 5
    [outcome] = scene.ingest(scene.file("Broken (2020).ogv"))
    assert outcome.error is not None
    assert "damaged" in outcome.error["detail"]
    assert scene.titles() == []


def test_one_bad_file_does_not_stop_the_others(scene: Scene) -> None:
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")]
    bad, good = scene.file("A bad one (2020).mp4"), scene.file("Good (2021).mp4")
    outcomes = scene.ingest(bad.parent)
    assert [(Path(outcome.file).name, outcome.error is None) for outcome in outcomes] == [(bad.name, False), (good.name, True)]


def test_episodes_make_their_series_once(scene: Scene) -> None:
    folder = scene.file("Show (2019)/Season 01/Show S01E01 - Pilot.mkv").parent
    scene.file("Show (2019)/Season 01/Show S01E02.mkv")
    outcomes = scene.ingest(folder)
    [title] = scene.titles()
    whole = scene.whole.run(scene.whole.get(f"/api/v1/titles/{title['title_id']}", scene.operator))
    assert [(episode["episode"], episode["name"]) for episode in whole["seasons"][0]["episodes"]] == [(1, "Pilot"), (2, "Episode 2")]
    assert [outcome.playable_id for outcome in outcomes] == [episode["playable_id"] for episode in whole["seasons"][0]["episodes"]]


def test_the_same_film_again_is_a_new_version_of_the_same_title(scene: Scene) -> None:
    first = scene.ingest(scene.file("Film (2020).mp4"))[0]
    second = scene.ingest(scene.file("Film (2020).mkv", 20 * KIB))[0]
    assert second.playable_id == first.playable_id
    assert len(scene.titles()) == 1


def test_subtitles_beside_the_film_go_along(scene: Scene) -> None:
    film = scene.file("Film (2020).mp4")
    film.with_name("Film (2020).en.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    assert scene.ingest(film)[0].published
    assert len([line for line in scene.api.requests if line == "POST /api/v1/studio/uploads"]) == 2


def test_options_for_one_file_are_refused_for_several(scene: Scene) -> None:
    folder = scene.file("a.mp4").parent
    scene.file("b.mp4")
    with pytest.raises(InvalidInput, match="there are 2"):
        scene.ingest(folder, title="One name")
