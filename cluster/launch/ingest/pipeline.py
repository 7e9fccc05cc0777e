"""Takes video files into the catalogue: reads the name, makes the title, uploads, follows the encode job, publishes.

Main path: `Ingest.run` -> `_title` -> `_upload` (tus 1.0) -> `_job` -> `_publish`. A file whose ingest broke off goes on where it stopped:
what was reached is kept under the data folder by the file's path, size and time. Knows nothing of terminals: `Progress` is told.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from cluster.errors import Conflict, InvalidInput, MatineeError, MediaRefused, PreconditionFailed
from cluster.ids import new_id
from cluster.launch.ingest import tus
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.naming import Named, Sidecar, read_name, sidecars_of, videos_under
from cluster.launch.ingest.tus import Api

_ENDED: Final = frozenset({"ready", "failed", "cancelled"})


class Options(msgspec.Struct, frozen=True):
    """What the command says; it wins over what names say."""

    title: str | None = None
    year: int | None = None
    genres: tuple[str, ...] = ()
    kind: str | None = None
    series: str | None = None
    season: int | None = None
    episode: int | None = None
    synopsis: str | None = None
    maturity: int | None = None
    cast: tuple[str, ...] = ()
    language: str | None = None
    ladder: tuple[int, ...] = ()
    draft: bool = False


class Outcome(msgspec.Struct):
    """What became of one file."""

    file: str
    playable_id: str | None = None
    title_id: str | None = None
    name: str = ""
    state: str = "queued"
    published: bool = False
    job_id: str | None = None
    error: dict[str, Any] | None = None


class Progress(Protocol):
    """Hears how far each file is."""

    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None:
        """Some bytes were taken."""
        ...

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None:
        """The job moved on."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The file is done, or failed."""
        ...


class Ingest:
    """Ingests files over one API."""

    def __init__(
        self,
        api: Api,
        journal: Journal,
        progress: Progress,
        options: Options,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api, self._journal, self._progress, self._options, self._sleep = api, journal, progress, options, sleep

    def run(self, paths: Sequence[Path]) -> list[Outcome]:
        """Ingest files and folders; one file's failure is in its outcome and doesn't end the others.

        Raises:
            InvalidInput: a path isn't there, a folder has no video, or the options don't fit several files.
        """
        files = [file for path in paths for file in videos_under(path)]
        if len(files) > 1 and (self._options.title or self._options.episode is not None):
            raise InvalidInput(f"--title and --episode name one file, but there are {len(files)}")
        outcomes = [Outcome(str(file)) for file in files]
        # Uploads go one after the other (the disk or the line is the limit); their jobs encode meanwhile.
        with ThreadPoolExecutor(1) as uploader:
            submitted = [uploader.submit(self._submit, file, outcome) for file, outcome in zip(files, outcomes, strict=True)]
            try:
                self._follow(list(zip(files, outcomes, submitted, strict=True)))
            except BaseException:
                uploader.shutdown(wait=False, cancel_futures=True)
                raise
        return outcomes

    def _follow(self, waiting: list[tuple[Path, Outcome, Future[None]]]) -> None:
        while waiting:
            still = []
            for file, outcome, future in waiting:
                if not future.done():
                    still.append((file, outcome, future))
                    continue
                try:
                    future.result()
                    if not self._ended(outcome):
                        still.append((file, outcome, future))
                        continue
                    if outcome.error is None and not self._options.draft:
                        self._publish(outcome)
                except MatineeError as error:
                    outcome.state, outcome.error = "failed", error.problem()
                if outcome.job_id is not None and outcome.state in _ENDED:
                    if outcome.error is not None:
                        self._clear_away(file)
                    self._journal.forget(file)
                self._progress.ended(outcome)
            waiting = still
            if waiting:
                self._sleep(0.5)

    def _submit(self, file: Path, outcome: Outcome) -> None:
        outcome.title_id, outcome.playable_id, outcome.name = self._title(self._named(file), file)
        reached = self._journal.of(file)
        if "job_id" in reached and reached.get("playable_id") == outcome.playable_id:
            outcome.job_id = reached["job_id"]
            return
        outcome.state = "uploading"
        upload_id = tus.upload(self._api, self._journal, file, lambda sent, total: self._progress.uploading(outcome, sent, total))
        sidecars = [self._sidecar(sidecar) for sidecar in sidecars_of(file)]
        job: dict[str, Any] = {"upload_id": upload_id, "playable_id": outcome.playable_id, "subtitles": sidecars}
        if self._options.language:
            job["language"] = self._options.language
        if self._options.ladder:
            job["ladder"] = list(self._options.ladder)
        answer = self._api.request(
            "POST", "/api/v1/studio/jobs", json=job, headers={"Idempotency-Key": f"ingest-{upload_id}"}, idempotent=True
        ).json()
        outcome.job_id = answer["job_id"]
        self._journal.note(file, job_id=answer["job_id"], playable_id=outcome.playable_id)

    def _named(self, file: Path) -> Named:
        named, options = read_name(file.absolute()), self._options
        kind = options.kind or ("episode" if options.series else named.kind)
        if kind not in {"film", "episode", "trailer"}:
            raise InvalidInput(f"--kind {kind}: must be film, episode or trailer")
        season = options.season if options.season is not None else named.season
        episode = options.episode if options.episode is not None else named.episode
        title = (options.series if kind == "episode" else options.title) or named.title
        if kind == "episode" and episode is None:
            raise InvalidInput(f"{file.name}: no episode number in the name; give --season and --episode")
        return Named(
            "film" if kind == "film" else "episode" if kind == "episode" else "trailer",
            title,
            options.year or named.year,
            season if season is not None else 1 if kind == "episode" else None,
            episode,
            options.title if kind == "episode" and options.title else named.name,
        )

    def _title(self, named: Named, file: Path) -> tuple[str, str, str]:
        """Return title_id, playable_id and a name to show; makes what is missing as a draft."""
        kind = "series" if named.kind == "episode" else "film"
        title_id = self._find_title(kind, named)
        if title_id is None:
            title_id = self._make_title(kind, named)
            self._journal.note(file, made_title=title_id)
        if named.kind == "film":
            return title_id, title_id, named.title
        path = f"/api/v1/titles/{title_id}"
        if named.kind == "episode":
            name = named.name or f"Episode {named.episode}"
            path += f"/seasons/{named.season}/episodes/{named.episode}"
            shown = f"{named.title} S{named.season or 0:02d}E{named.episode or 0:02d}"
        else:
            name, path, shown = named.name or "Trailer", path + "/trailers/1", f"{named.title} (trailer)"
        return title_id, self._part(path, name), shown

    def _part(self, path: str, name: str) -> str:
        """Return the playable_id of an episode or trailer, made if it isn't there."""
        body: dict[str, Any] = {"name": name}
        if self._options.synopsis and "/episodes/" in path:
            body["synopsis"] = self._options.synopsis
        try:
            answer = self._api.request("PUT", path, json=body, headers={"If-None-Match": "*"})
        except (Conflict, PreconditionFailed):
            answer = self._api.request("GET", path)
        return str(answer.json()["playable_id"])

    def _find_title(self, kind: str, named: Named) -> str | None:
        params: dict[str, Any] = {"kind": kind, "name": named.title, "limit": 10}
        if named.year:
            params["year"] = named.year
        items = self._api.request("GET", "/api/v1/titles", params=params).json()["items"]
        return str(items[0]["title_id"]) if items else None

    def _make_title(self, kind: str, named: Named) -> str:
        options = self._options
        body: dict[str, Any] = {"kind": kind, "name": named.title, "year": named.year, "genres": list(options.genres)}
        body["cast"] = [{"name": name} for name in options.cast]
        if options.maturity is not None:
            body["maturity"] = options.maturity
        if options.synopsis and kind == "film":
            body["synopsis"] = options.synopsis
        answer = self._api.request("POST", "/api/v1/titles", json=body, headers={"Idempotency-Key": new_id()}, idempotent=True)
        return str(answer.json()["title_id"])

    def _sidecar(self, sidecar: Sidecar) -> dict[str, str]:
        language = self._options.language if sidecar.language == "und" and self._options.language else sidecar.language
        label = sidecar.label if sidecar.language != "und" else language
        return {
            "upload_id": tus.upload(self._api, self._journal, sidecar.path, lambda _sent, _total: None),
            "language": language,
            "label": label,
        }

    def _ended(self, outcome: Outcome) -> bool:
        job = self._api.request("GET", f"/api/v1/studio/jobs/{outcome.job_id}").json()
        outcome.state = job["state"]
        self._progress.encoding(outcome, job)
        if job["state"] == "failed":
            outcome.error = job["error"]
        elif job["state"] == "cancelled":
            outcome.error = MediaRefused("The job was cancelled").problem()
        return job["state"] in _ENDED

    def _clear_away(self, file: Path) -> None:
        """Remove what this ingest made for a file that then could not be encoded: its upload, and its title if nothing else is in it."""
        reached = self._journal.of(file)
        with contextlib.suppress(MatineeError):  # the studio collects what is left of it
            self._api.request("DELETE", reached["upload"], headers={"Tus-Resumable": "1.0.0"})
        if title_id := reached.get("made_title"):
            with contextlib.suppress(MatineeError):
                title = self._api.request("GET", f"/api/v1/titles/{title_id}")
                parts = [episode for season in title.json()["seasons"] for episode in season["episodes"]] + [title.json()]
                if not any(part["media"] if "media" in part else part["available"] for part in parts):
                    self._api.request("DELETE", f"/api/v1/titles/{title_id}", headers={"If-Match": title.headers["ETag"]})

    def _publish(self, outcome: Outcome) -> None:
        """Publish the title with its present version; another editor's change in between is met by asking again."""
        for attempt in range(5):
            title = self._api.request("GET", f"/api/v1/titles/{outcome.title_id}")
            if title.json()["published"]:
                break
            try:
                self._api.request("POST", f"/api/v1/titles/{outcome.title_id}/publish", headers={"If-Match": title.headers["ETag"]})
                break
            except MatineeError as error:
                if error.status != 412 or attempt == 4:
                    raise
        outcome.published = True


def problems_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield one line for each file that failed."""
    for outcome in outcomes:
        if outcome.error is not None:
            yield f"{outcome.file}: {outcome.error.get('detail') or outcome.error.get('title')}"
