"""Fills an installation with the demo: draws, ingests and publishes its films, and signs up two members.

Main path: `Demo.run` -> members -> Big Buck Bunny first -> drawing one film while others encode. What is there already is left as it is,
so a demo that was broken off goes on at the next `up --demo`; one that fails does not end the others.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.errors import AccountExists, MatineeError, Unavailable, WrongCredentials
from cluster.ids import new_id
from cluster.launch.demo.works import Work
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.pipeline import Ingest, Outcome
from cluster.launch.ingest.tus import Api

TRIES: Final = 5
PAUSE_S: Final = 3.0
_SIZES: Final = {"poster": (600, 900), "backdrop": (1280, 720)}


class Member(msgspec.Struct, frozen=True):
    """A member that the demo signs up."""

    name: str
    email: str
    password: str
    kid: str
    likes: tuple[str, ...]
    """The titles it has watched (watching.py)."""


MEMBERS: Final = (
    Member("Mira", "mira@demo.matinee.local", "popcorn-and-a-good-seat", "Pip", ("Weather for Ducks", "Petri", "Big Buck Bunny")),
    Member("Jonas", "jonas@demo.matinee.local", "front-row-on-a-rainy-day", "Lotte", ("Three Sided", "Embers", "Harbour Lights")),
)


class _Quiet:
    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None: ...

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None: ...

    def waiting(self, outcome: Outcome, reason: str) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


class Demo:
    """Fills one installation; `report(done, total, problem)` hears of each playable that is done. `folder` is for nothing else."""

    def __init__(
        self,
        api: Api,
        folder: Path,
        works: Sequence[Work],
        report: Callable[[int, int, str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api, self._folder, self._works, self._report, self._sleep = api, folder, works, report, sleep
        self._titles: dict[str, str] = {}
        self._ingested: set[str] = set()
        self._one_makes_titles = threading.Lock()
        self._done = 0

    def run(self) -> list[str]:
        """Fill, and return one line for each member and playable that could not be made (none when all went well)."""
        shutil.rmtree(self._folder, ignore_errors=True)  # of a demo that was broken off
        self._folder.mkdir(parents=True)
        problems = [problem for member in MEMBERS if (problem := self._tried(member.name, partial(self._sign_up, member)))]
        with ThreadPoolExecutor(2) as pool:
            running: set[Future[str]] = set()
            for number, work in enumerate(self._works):
                # The first alone, so that something plays soon; then two at a time: one is drawn while the other encodes.
                while len(running) >= (2 if number > 1 else 1):
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    problems += self._told(ended)
                file = self._folder / f"{number:02d}.mp4"
                running.add(pool.submit(self._tried, work.name, partial(self._make, work, file)))
            problems += self._told(wait(running).done)
        shutil.rmtree(self._folder, ignore_errors=True)
        return problems

    def _told(self, ended: set[Future[str]]) -> list[str]:
        for future in ended:
            self._done += 1
            self._report(self._done, len(self._works), future.result())
        return [problem for future in ended if (problem := future.result())]

    def _tried(self, name: str, do: Callable[[], None]) -> str:
        """Do something, again if services are silent for a moment; returns one line if it failed."""
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(PAUSE_S)
            try:
                do()
            except Unavailable as error:
                problem = f"{name}: {error}"
            except (MatineeError, OSError) as error:
                return f"{name}: {error}"
            else:
                return ""
        return problem

    def _make(self, work: Work, file: Path) -> None:
        title_id = self._title(work)
        if work.name not in self._ingested:  # else its markers alone are missing
            if self._plays(work, title_id):
                return
            self._ingest(work, title_id, file)
            self._ingested.add(work.name)
        self._mark(work, title_id)

    def _ingest(self, work: Work, title_id: str, file: Path) -> None:
        try:
            work.make(file)
            options = msgspec.structs.replace(work.options, title_id=title_id)
            ingest = Ingest(self._api, Journal(self._folder / "journal"), _Quiet(), options, self._sleep)
            [outcome] = ingest.run([file])
        finally:
            file.unlink(missing_ok=True)
        if outcome.error is not None:
            raise MatineeError(str(outcome.error.get("detail")))

    def _mark(self, work: Work, title_id: str) -> None:
        """Say what players can skip in a film that was drawn just now: one that was there already may look otherwise."""
        path = f"/api/v1/titles/{title_id}"
        if work.markers is None:
            return
        if work.options.kind == "film":
            self._api.request("PUT", f"{path}/markers", json=work.markers, headers={"If-Match": "*"}, idempotent=True)
            return
        path += f"/seasons/{work.options.season}/episodes/{work.options.episode}"
        headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        self._api.request("PATCH", path, json={"markers": work.markers}, headers=headers, idempotent=True)

    def _plays(self, work: Work, title_id: str) -> bool:
        title = self._api.request("GET", f"/api/v1/titles/{title_id}").json()
        if work.options.kind == "film":
            return bool(title["media"]) and bool(title["published"])
        wanted = (work.options.season, work.options.episode)
        episodes = [episode for season in title["seasons"] for episode in season["episodes"]]
        return bool(title["published"]) and any(
            episode["media"] and (episode["season"], episode["episode"]) == wanted for episode in episodes
        )

    def _title(self, work: Work) -> str:
        """Return the title, made with its pictures unless it is there."""
        name, kind = work.title["name"], work.title["kind"]
        with self._one_makes_titles:
            if name not in self._titles:
                found = self._api.request("GET", "/api/v1/titles", params={"name": name, "kind": kind, "limit": 1}).json()["items"]
                self._titles[name] = str(found[0]["title_id"]) if found else self._new_title(work)
            return self._titles[name]

    def _new_title(self, work: Work) -> str:
        headers = {"Idempotency-Key": new_id()}
        answer = self._api.request("POST", "/api/v1/titles", json=work.title, headers=headers, idempotent=True)
        title_id = str(answer.json()["title_id"])
        picture = self._folder / f"{title_id}.jpg"
        for kind in work.pictures:
            with contextlib.suppress(MatineeError, OSError):  # the studio offers pictures of its own
                work.draw(picture, *_SIZES[kind])
                etag = self._api.request("GET", f"/api/v1/titles/{title_id}").headers["ETag"]
                headers = {"If-Match": etag, "Content-Type": "image/jpeg"}
                self._api.request("PUT", f"/api/v1/titles/{title_id}/artwork/{kind}", content=picture.read_bytes(), headers=headers)
        picture.unlink(missing_ok=True)
        return title_id

    def _sign_up(self, member: Member) -> None:
        """Sign a member up with a second profile for a child; what is missing of one that is there is added."""
        account = {"email": member.email, "password": member.password}
        try:
            tokens = self._api.request("POST", "/api/v1/auth/accounts", json={**account, "name": member.name}).json()
        except AccountExists:
            try:
                tokens = self._api.request("POST", "/api/v1/auth/tokens", json={**account, "device_name": "the demo"}).json()
            except WrongCredentials:
                return  # somebody made the account their own
        as_member = {"Authorization": f"Bearer {tokens['access_token']}"}
        profiles = self._api.request("GET", "/api/v1/profiles", headers=as_member).json()["items"]
        if not any(profile["kids"] for profile in profiles):
            kid = {"name": member.kid, "kids": True, "maturity": 7, "language": "en", "avatar": "2"}
            self._api.request("POST", "/api/v1/profiles", json=kid, headers={**as_member, "Idempotency-Key": "demo-kid"}, idempotent=True)
        self._api.request("DELETE", "/api/v1/auth/tokens", headers=as_member)
