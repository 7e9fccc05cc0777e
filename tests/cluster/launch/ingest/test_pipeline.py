"""Ingest against all services in this process; only the encoders are quick ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.errors import InvalidInput, MediaRefused, StorageFull
from cluster.launch.ingest import tus
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.options import Options
from cluster.launch.ingest.pipeline import Ingest, Outcome
from tests.cluster.launch.services import Api, Silence
from tests.whole import people
from tests.whole.composition import Whole, running

KIB = 1024


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    with running(tmp_path / "data") as opened:
        yield opened


class Silent:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None:
        self.heard.append(f"{sent_bytes}/{total_bytes}")

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None:
        self.heard.append(job["state"])

    def waiting(self, outcome: Outcome, reason: str) -> None:
        self.heard.append(f"waiting: {reason}")

    def ended(self, outcome: Outcome) -> None:
        self.heard.append("ended")


class Scene:
    def __init__(self, whole: Whole, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        self.operator = whole.run(people.operator(whole))
        self.api, self.progress = Api(whole, self.operator), Silent()
        self.warnings: list[str] = []

    def file(self, name: str, size: int = 10 * KIB) -> Path:
        path = self.folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(256)) * (size // 256))
        return path

    def ingest(self, *paths: Path, **options: Any) -> list[Outcome]:
        journal = Journal(self.folder / "journal", self.warnings.append)
        return Ingest(self.api, journal, self.progress, Options(**options), self.api.pause, self.api.clock).run(paths)

    def made(self, what: str) -> int:
        """How many uploads or jobs were made."""
        return self.api.requests.count(f"POST /api/v1/studio/{what}")

    def whole_title(self) -> dict[str, Any]:
        [title] = self.titles()
        return dict(self.whole.run(self.whole.get(f"/api/v1/titles/{title['title_id']}", self.operator)))

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
    chunks = iter(range(2))

    def break_off(request: str) -> None:
        if request.startswith("PATCH") and next(chunks, None) is None:
            raise StorageFull("the disk is full")

    scene.api.before = break_off
    [broken] = scene.ingest(film)
    assert (broken.state, broken.error and broken.error["detail"]) == ("uploading", "the disk is full")
    scene.api.before = lambda _: None
    scene.progress.heard.clear()
    [outcome] = scene.ingest(film)
    assert outcome.published
    assert scene.progress.heard[0] == f"{10 * KIB}/{10 * KIB}"  # 8 KiB were there
    assert scene.made("uploads") == 1
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
    assert scene.made("uploads") == 2


def test_options_for_one_file_are_refused_for_several(scene: Scene) -> None:
    folder = scene.file("a.mp4").parent
    scene.file("b.mp4")
    with pytest.raises(InvalidInput, match="there are 2"):
        scene.ingest(folder, title="One name")


@pytest.mark.parametrize("request_", ["GET .*/jobs/.*", "POST .*/publish", "PATCH .*/uploads/.*", "POST .*/jobs", "POST .*/titles"])
def test_services_that_are_silent_for_a_moment_are_asked_again(scene: Scene, request_: str) -> None:
    scene.api.before = Silence(request_, 3)
    [outcome] = scene.ingest(scene.file("Film (2020).mp4"))
    assert (outcome.error, outcome.published) == (None, True)
    assert scene.progress.heard.count("waiting: nobody answers") == 3
    assert (scene.made("uploads"), scene.made("jobs"), len(scene.titles())) == (1, 1, 1)


@pytest.mark.parametrize("request_", ["GET .*/jobs/.*", "POST .*/publish"])
def test_a_run_that_lost_sight_of_its_job_takes_nothing_away_and_the_next_goes_on(scene: Scene, request_: str) -> None:
    film = scene.file("Film (2020).mp4")
    scene.api.before = Silence(request_, 10**6)
    [lost] = scene.ingest(film)
    assert lost.error is not None
    assert "ingest it again" in lost.error["detail"]
    assert not [line for line in scene.api.requests if line.startswith("DELETE")]
    scene.api.before = lambda _: None
    [outcome] = scene.ingest(film)
    assert (outcome.published, outcome.job_id) == (True, lost.job_id)
    assert (scene.made("uploads"), scene.made("jobs")) == (1, 1)


def test_a_job_that_is_no_longer_known_is_told_and_the_next_run_begins_again(scene: Scene) -> None:
    film = scene.file("Film (2020).mp4")
    [lost] = scene.ingest(film, draft=True)
    journal = Journal(scene.folder / "journal").entry(film)
    journal.note(job_id="gone", playable_id=str(lost.playable_id))
    [outcome] = scene.ingest(film)
    assert outcome.error is not None
    assert "job" in outcome.error["detail"]
    assert scene.ingest(film)[0].published


def test_a_bad_episode_takes_only_itself_away_while_others_still_encode(scene: Scene) -> None:
    bad, good = scene.file("Show (2019)/Show S01E01.mkv"), scene.file("Show (2019)/Show S01E02.mkv")
    gate = asyncio.Event()
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")]
    scene.whole.encoders.gates["chunk/0"] = gate

    def open_once_the_first_failed(_: str) -> None:
        if "failed" in scene.progress.heard and scene.progress.heard.count("ended") == 1:
            gate.set()

    scene.api.before = open_once_the_first_failed
    outcomes = scene.ingest(bad, good)
    assert [outcome.error is None for outcome in outcomes] == [False, True]
    title = scene.whole_title()
    assert [episode["episode"] for season in title["seasons"] for episode in season["episodes"]] == [2]
    assert title["published"]


def test_a_series_none_of_whose_episodes_can_be_encoded_goes(scene: Scene) -> None:
    folder = scene.file("Show (2019)/Show S01E01.mkv").parent
    scene.file("Show (2019)/Show S01E02.mkv")
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")] * 2
    scene.ingest(folder)
    assert scene.titles() == []


def test_each_trailer_has_a_place_of_its_own_and_keeps_it(scene: Scene) -> None:
    files = [scene.file("Film (2020)/Film (2020).mkv"), *(scene.file(f"Film (2020)/trailers/{name}.mp4") for name in ("Teaser", "Long"))]
    scene.ingest(*files)
    scene.ingest(files[2])
    assert [(trailer["trailer"], trailer["name"]) for trailer in scene.whole_title()["trailers"]] == [(1, "Teaser"), (2, "Long")]


def test_two_files_of_one_name_do_not_replace_each_other_unasked(scene: Scene) -> None:
    first, second = scene.ingest(scene.file("Film (2020).mkv"), scene.file("Film (2020).mp4"))
    assert (first.error, first.published) == (None, True)
    assert second.error is not None
    assert "By its name it is Film, as Film (2020).mkv is" in second.error["detail"]
    assert scene.made("jobs") == 1
    [again] = scene.ingest(scene.file("Film (2020).mp4"))  # by itself it is a new version
    assert (again.error, again.playable_id) == (None, first.playable_id)


def test_a_bad_trailer_leaves_the_film_of_others_alone(scene: Scene) -> None:
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")]
    [outcome] = scene.ingest(scene.file("Film (2020)/Film (2020)-trailer.mp4"))
    assert outcome.error is not None
    assert scene.whole_title()["trailers"] == []


def test_a_bad_new_version_leaves_the_film_as_it_was(scene: Scene) -> None:
    scene.ingest(scene.file("Film (2020).mp4"))
    scene.whole.encoders.errors["probe"] = [MediaRefused("The file is damaged")]
    scene.ingest(scene.file("Film (2020).mkv", 20 * KIB))
    assert scene.whole_title()["media"] is not None


def test_episodes_find_their_series_though_lists_are_behind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = scene.file("Show (2019)/Show S01E01.mkv").parent
    scene.file("Show (2019)/Show S01E02.mkv")
    request = Api.request

    def behind(api: Api, method: str, path: str, **given: Any) -> httpx.Response:
        return (
            httpx.Response(200, json={"items": []}) if (method, path) == ("GET", "/api/v1/titles") else request(api, method, path, **given)
        )

    monkeypatch.setattr(Api, "request", behind)
    assert [outcome.error for outcome in scene.ingest(folder)] == [None, None]
    assert len(scene.titles()) == 1


def test_a_file_that_vanishes_fails_alone(scene: Scene) -> None:
    gone, good = scene.file("A (2020).mp4"), scene.file("B (2021).mp4")
    scene.api.before = lambda _: gone.unlink(missing_ok=True)
    outcomes = scene.ingest(gone.parent)
    assert [(outcome.file, outcome.error is None) for outcome in outcomes] == [(str(gone), False), (str(good), True)]
    assert outcomes[0].error is not None
    assert outcomes[0].error["detail"] == "It cannot be read: No such file or directory"


def test_a_file_may_go_once_it_is_uploaded(scene: Scene) -> None:
    film = scene.file("Film (2020).mp4")
    scene.api.before = lambda request: film.unlink(missing_ok=True) if "/jobs" in request else None
    assert scene.ingest(film)[0].published


def test_a_journal_that_cannot_be_written_is_told_once_and_fails_no_file(scene: Scene) -> None:
    (scene.folder / "journal").write_text("a file in its place")
    folder = scene.file("A (2020).mp4").parent
    scene.file("B (2021).mp4")
    assert [outcome.published for outcome in scene.ingest(folder)] == [True, True]
    [warning] = scene.warnings
    assert "cannot be written" in warning


def test_ctrl_c_ends_an_upload_between_two_chunks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tus, "CHUNK_BYTES", KIB)
    film = scene.file("Film (2020).mp4", 500 * KIB)
    begun = threading.Event()
    scene.api.before = lambda request: begun.set() if request.startswith("PATCH") else None

    def interrupt(_: float) -> None:
        assert begun.wait(20)
        raise KeyboardInterrupt

    monkeypatch.setattr(scene.api, "pause", interrupt)
    with pytest.raises(KeyboardInterrupt):
        scene.ingest(film)
    assert len([line for line in scene.api.requests if line.startswith("PATCH")]) < 500


def test_many_who_note_at_once_lose_nothing(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.mp4" for number in range(8)]
    for file in files:
        file.write_bytes(b"film")

    def note(file: Path) -> None:
        entry = Journal(tmp_path / "journal").entry(file)
        for step in range(50):
            entry.note(upload=f"{file.name}/{step}")

    threads = [threading.Thread(target=note, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Journal(tmp_path / "journal").entry(file).reached for file in files] == [{"upload": f"{file.name}/49"} for file in files]
    assert len(list((tmp_path / "journal").iterdir())) == len(files)
