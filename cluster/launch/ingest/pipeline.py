"""Takes video files into the catalogue: reads the name, makes the title, uploads, follows the encode job, publishes.

Main path: `Ingest.run` -> `_submit` (title, upload by tus 1.0, job) -> `_follow` -> publish. A file whose ingest broke off goes on where it
stopped, by its journal. Only a job that says itself that it failed is cleared away. Knows nothing of terminals: `Progress` is told.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from cluster.errors import InvalidInput, JobNotFound, MatineeError, MediaRefused, Unavailable
from cluster.launch.ingest import tus
from cluster.launch.ingest.journal import Entry, Journal
from cluster.launch.ingest.naming import Sidecar, sidecars_of, videos_under
from cluster.launch.ingest.options import Options
from cluster.launch.ingest.titles import Titles
from cluster.launch.ingest.tus import Api

POLL_S: Final = 0.5
PATIENCE_S: Final = 120.0
"""How long services may be silent before a file is given up, which a later run takes on again: longer than a restart of everything."""
_UNPLAYABLE: Final = frozenset({"failed", "cancelled"})


class Outcome(msgspec.Struct):
    """What became of one file; `state` is what its job reached, `error` is why it did not end well."""

    file: str
    playable_id: str | None = None
    title_id: str | None = None
    name: str = ""
    state: str = "queued"
    published: bool = False
    job_id: str | None = None
    error: dict[str, Any] | None = None
    notes: list[str] = []
    """What of the film was left out."""


class Progress(Protocol):
    """Hears how far each file is."""

    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None:
        """Some bytes were taken."""
        ...

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None:
        """The job moved on."""
        ...

    def waiting(self, outcome: Outcome, reason: str) -> None:
        """Nobody answers at the moment; it is asked again."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The file is done, or failed."""
        ...


@dataclass
class _Work:
    """One file on its way."""

    file: Path
    outcome: Outcome
    submitted: Future[None]
    entry: Entry | None = None
    silent_since_s: float | None = None

    @property
    def unplayable(self) -> bool:
        return self.outcome.state in _UNPLAYABLE


class Ingest:
    """Ingests files over one API; once."""

    def __init__(
        self,
        api: Api,
        journal: Journal,
        progress: Progress,
        options: Options,
        sleep: Callable[[float], None] = time.sleep,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._journal, self._progress, self._options, self._sleep, self._now_s = api, journal, progress, options, sleep, now_s
        self._titles = Titles(api, options)
        self._stopping = threading.Event()
        self._files: dict[str, Path] = {}

    def run(self, paths: Sequence[Path]) -> list[Outcome]:
        """Ingest files and folders; one file's failure is in its outcome and doesn't end the others.

        Raises:
            InvalidInput: a path cannot be read, a folder has no video, or the options don't fit several files.
        """
        files = [file for path in paths for file in videos_under(path)]
        if len(files) > 1 and (self._options.title or self._options.episode is not None):
            raise InvalidInput(f"--title and --episode name one file, but there are {len(files)}")
        works = [_Work(file, Outcome(str(file)), Future()) for file in files]
        # Uploads go one after the other (the disk or the line is the limit); their jobs encode meanwhile.
        with ThreadPoolExecutor(1) as uploader:
            try:
                for work in works:
                    work.submitted = uploader.submit(self._submit, work)
                self._follow(works, uploader)
            except BaseException:
                self._stopping.set()
                uploader.shutdown(wait=False, cancel_futures=True)
                raise
        self._clear_away(works)
        return [work.outcome for work in works]

    def _follow(self, works: list[_Work], uploader: Executor) -> None:
        waiting = works
        while waiting:
            waiting = [work for work in waiting if not self._ended(work, uploader)]
            if waiting:
                self._sleep(POLL_S)

    def _ended(self, work: _Work, uploader: Executor) -> bool:
        """Look after a file; returns whether nothing more can be done for it."""
        if not work.submitted.done():
            return False
        try:
            work.submitted.result()
            if not self._encoded(work):
                return False
        except Unavailable as error:
            if self._patient(work, error):
                if work.submitted.exception() is not None:
                    work.submitted = uploader.submit(self._submit, work)
                return False
            work.outcome.error = error.problem() | {"detail": f"{error.detail}; ingest it again to go on where it stopped"}
        except MatineeError as error:
            work.outcome.error = error.problem()
        except OSError as error:
            work.outcome.error = InvalidInput(f"It cannot be read: {error.strerror or error}").problem()
        self._progress.ended(work.outcome)
        return True

    def _patient(self, work: _Work, error: Unavailable) -> bool:
        if work.silent_since_s is None:
            work.silent_since_s = self._now_s()
        self._progress.waiting(work.outcome, error.detail)
        return self._now_s() - work.silent_since_s < PATIENCE_S

    def _submit(self, work: _Work) -> None:
        outcome = work.outcome
        work.entry = entry = self._journal.entry(work.file)
        place = self._titles.place(self._options.name(work.file))
        outcome.title_id, outcome.playable_id, outcome.name = place.title_id, place.playable_id, place.name
        first = self._files.setdefault(place.playable_id, work.file)
        if first != work.file:
            raise InvalidInput(f"By its name it is {place.name}, as {first.name} is; ingest it by itself to replace that, or with --title")
        if place.made:
            entry.note(**place.made)
        if "job_id" in entry.reached and entry.reached.get("playable_id") == outcome.playable_id:
            outcome.job_id = entry.reached["job_id"]
            return
        outcome.state = "uploading"

        def report(sent_bytes: int, total_bytes: int) -> None:
            self._stop_if_asked()
            work.silent_since_s = None
            self._progress.uploading(outcome, sent_bytes, total_bytes)

        upload_id = tus.upload(self._api, entry, work.file, report)
        sidecars = [self._sidecar(sidecar) for sidecar in sidecars_of(work.file)]
        job: dict[str, Any] = {"upload_id": upload_id, "playable_id": outcome.playable_id, "subtitles": sidecars}
        if self._options.language:
            job["language"] = self._options.language
        if self._options.ladder:
            job["ladder"] = list(self._options.ladder)
        answer = self._api.request(
            "POST", "/api/v1/studio/jobs", json=job, headers={"Idempotency-Key": f"ingest-{upload_id}"}, idempotent=True
        ).json()
        outcome.job_id = answer["job_id"]
        entry.note(job_id=answer["job_id"], playable_id=place.playable_id)

    def _sidecar(self, sidecar: Sidecar) -> dict[str, str]:
        language = self._options.language if sidecar.language == "und" and self._options.language else sidecar.language
        label = sidecar.label if sidecar.language != "und" else language
        upload_id = tus.upload(self._api, self._journal.entry(sidecar.path), sidecar.path, lambda _sent, _total: self._stop_if_asked())
        return {"upload_id": upload_id, "language": language, "label": label}

    def _stop_if_asked(self) -> None:
        if self._stopping.is_set():
            raise CancelledError

    def _encoded(self, work: _Work) -> bool:
        """Ask for the job, and publish what is ready; returns whether the job has ended."""
        assert work.entry is not None
        outcome = work.outcome
        try:
            job = self._api.request("GET", f"/api/v1/studio/jobs/{outcome.job_id}").json()
        except JobNotFound:
            work.entry.forget()
            raise
        outcome.state = job["state"]
        self._progress.encoding(outcome, job)
        if job["state"] == "failed":
            outcome.error = job["error"]
        elif job["state"] == "cancelled":
            outcome.error = MediaRefused("The job was cancelled").problem()
        elif job["state"] == "ready":
            outcome.notes = job.get("notes", [])
            if not self._options.draft:
                self._titles.publish(str(outcome.title_id))
                outcome.published = True
            work.entry.forget()
        work.silent_since_s = None
        return job["state"] == "ready" or work.unplayable

    def _clear_away(self, works: list[_Work]) -> None:
        """Remove what was made for files that could not be encoded, now that no other file of the run goes into it any more."""
        # What was broken off comes back to its title.
        awaited = {work.outcome.playable_id for work in works if work.outcome.error is not None and not work.unplayable}
        for work in works:
            if not work.unplayable or work.entry is None:
                continue
            reached = work.entry.reached
            with contextlib.suppress(MatineeError):  # the studio collects what is left of it
                self._api.request("DELETE", reached["upload"], headers={"Tus-Resumable": "1.0.0"})
            try:
                if work.outcome.playable_id not in awaited:
                    self._titles.take_back(str(work.outcome.playable_id), reached)
            except Unavailable:
                continue  # the next run with this file does it
            except MatineeError:
                pass
            work.entry.forget()


def problems_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield one line for each file that failed."""
    for outcome in outcomes:
        if outcome.error is not None:
            yield f"{outcome.file}: {outcome.error.get('detail') or outcome.error.get('title')}"
