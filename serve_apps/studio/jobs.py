"""The rows of encode jobs: made and questioned by the service, moved on by the one runner that holds their epoch.

Main path: `Jobs.create` -> row in `active` -> the runner's `Ledger.change` with each step, `Ledger.finish` with each finished task.
Knows nothing of HTTP, of encoding or of Ray.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from cluster.durable import Change, Check, Delete, Insert, Row, Store, Update
from cluster.errors import Fenced, JobNotFound, Overloaded, VersionConflict
from serve_apps.studio import policy
from serve_apps.studio.policy import JobRecord

ACTIVE_LIMIT: Final = 1000
_TRIES: Final = 20


class Jobs:
    """All jobs; any number of processes may hold them open."""

    def __init__(self, jobs: Store, lists: Store, now_s: Callable[[], float] = time.time) -> None:
        self.store, self._lists, self._now_s = jobs, lists, now_s

    async def create(self, job: JobRecord) -> JobRecord:
        """Queue a new job; if there is one of this id already, return that.

        Raises:
            Overloaded: too many jobs are waiting.
        """
        if (found := await self.store.get(job.job_id, "job")) is not None:
            return policy.from_value(found.value)
        if len(await self._lists.scan("active", limit=ACTIVE_LIMIT)) >= ACTIVE_LIMIT:
            raise Overloaded("Too many jobs are waiting", retry_after_s=60)
        await self._lists.put([Row("jobs", job.job_id, 1, "job", {}), Row("active", job.job_id, 1, "job", {})])
        try:
            await self.store.put_if_absent(job.job_id, "job", "job", policy.to_value(job))
        except VersionConflict:
            return await self.get(job.job_id)  # the same request came twice at once
        return job

    async def get(self, job_id: str) -> JobRecord:
        """Return a job.

        Raises:
            JobNotFound: there is none.
        """
        return (await self.versioned(job_id))[1]

    async def versioned(self, job_id: str) -> tuple[int, JobRecord]:
        """Return a job and its row's version, which rises with every change."""
        row = await self.store.get(job_id, "job")
        if row is None:
            raise JobNotFound
        return row.version, policy.from_value(row.value)

    async def page(self, *, after: str | None = None, limit: int = 50) -> tuple[list[JobRecord], str | None]:
        """Return jobs, the newest first, those older than `after` only; and what the next page comes after, None if there is none."""
        rows = await self._lists.scan("jobs", after=after, reverse=True, limit=limit)
        return await self._read(rows), rows[-1].sort if len(rows) == limit else None

    async def active(self) -> list[JobRecord]:
        """Return the jobs that the runner still has to look at, the oldest first."""
        return await self._read(await self._lists.scan("active", limit=ACTIVE_LIMIT))

    async def active_ids(self) -> dict[str, bool]:
        """Return the ids of `active`, and of each whether its cancellation was asked for."""
        return {row.sort: bool(row.value.get("cancel")) for row in await self._lists.scan("active", limit=ACTIVE_LIMIT)}

    async def rows(self, job_id: str, prefix: str) -> dict[str, dict[str, Any]]:
        """Return the values of a job's rows whose sort begins with `prefix`."""
        found: dict[str, dict[str, Any]] = {}
        after: str | None = None
        while rows := await self.store.scan(job_id, prefix, after=after, limit=500):
            found |= {row.sort: row.value for row in rows}
            after = rows[-1].sort
        return found

    async def all(self) -> AsyncIterator[JobRecord]:
        """Yield every job, the oldest first."""
        after: str | None = None
        while rows := await self._lists.scan("jobs", after=after, limit=200):
            for job in await self._read(rows):
                yield job
            after = rows[-1].sort

    async def _read(self, listed: list[Row]) -> list[JobRecord]:
        rows = await asyncio.gather(*(self.store.get(row.sort, "job") for row in listed))
        return [policy.from_value(row.value) for row in rows if row is not None]

    async def cancel(self, job_id: str) -> JobRecord:
        """Ask for a job's cancellation; it becomes `cancelled` once nothing of it is left.

        Raises:
            JobNotFound, JobNotCancellable: see policy.request_cancel.
        """
        version, job = await self._change(job_id, lambda job: policy.request_cancel(job, self._now_s()))
        if not job.ended:
            # Spares the runner reading every job that waits.
            await self._lists.put([Row("active", job_id, version, "job", {"cancel": True})])
        return job

    async def retry(self, job_id: str) -> JobRecord:
        """Queue a failed or cancelled job again.

        Raises:
            JobNotFound, JobNotRetryable: see policy.retry.
        """
        version, job = await self.versioned(job_id)
        policy.retry(job, self._now_s())
        # Listed first, so that it is found if this process dies here; and again, because a runner that looks in between
        # still sees an ended job and takes it off the list.
        await self._lists.put([Row("active", job_id, version + 1, "job", {})])
        version, job = await self._change(job_id, lambda job: policy.retry(job, self._now_s()))
        await self._lists.put([Row("active", job_id, version, "job", {})])
        return job

    async def _change(self, job_id: str, step: Callable[[JobRecord], JobRecord]) -> tuple[int, JobRecord]:
        for _ in range(_TRIES):
            row = await self.store.get(job_id, "job")
            if row is None:
                raise JobNotFound
            job = policy.from_value(row.value)
            changed = step(job)
            if changed == job:
                return row.version, job
            try:
                return (await self.store.compare_and_set(row, policy.to_value(changed))).version, changed
            except VersionConflict:
                continue
        raise Overloaded("The job changes too fast", retry_after_s=1)

    async def forget_finished(self, job_id: str) -> bool:
        """Forget what the finished tasks of an ended job made; false if it is tried again meanwhile."""
        while True:
            version, job = await self.versioned(job_id)
            if not job.ended:
                return False
            rows = await self.store.scan(job_id, "done/", limit=90)
            if not rows:
                return True
            changes: list[Change] = [Check("job", version), *(Delete(row.sort, row.version) for row in rows)]
            try:
                await self.store.batch(job_id, changes)
            except VersionConflict:
                return False

    async def forget(self, job_id: str) -> None:
        """Remove every row of a job."""
        job = await self.store.get(job_id, "job")
        while rows := await self.store.scan(job_id, limit=90):
            await self.store.batch(job_id, [Delete(row.sort, row.version) for row in rows])
        await self._lists.remove("active", job_id, job.version + 1 if job else 1)
        await self._lists.remove("jobs", job_id, 2)

    async def take_runner_epoch(self) -> int:
        """Return an epoch higher than any before; every runner with a lower one is fenced from now on."""
        for _ in range(_TRIES):
            row = await self.store.get("runner", "epoch")
            try:
                if row is None:
                    await self.store.put_if_absent("runner", "epoch", "epoch", {"epoch": 1})
                    return 1
                epoch = int(row.value["epoch"]) + 1
                await self.store.compare_and_set(row, {"epoch": epoch, "since_s": self._now_s()})
                return epoch
            except VersionConflict:
                continue
        raise Overloaded("Too many runners start at once", retry_after_s=1)

    async def runner_epoch(self) -> int:
        """Return the highest epoch that a runner took."""
        row = await self.store.get("runner", "epoch")
        return int(row.value["epoch"]) if row else 0

    async def take(self, job_id: str, epoch: int) -> Ledger:
        """Open a job for the runner of `epoch`, fencing the one before.

        Raises:
            JobNotFound: there is none.
            Fenced: a later runner has it.
        """
        ledger = Ledger(self, job_id, epoch, self._lists, self._now_s)
        await ledger.change(lambda job: policy.take(job, epoch, self._now_s()), taking=True)
        return ledger


class Ledger:
    """One job, written by its runner alone; every write is held to the runner's epoch."""

    def __init__(self, jobs: Jobs, job_id: str, epoch: int, lists: Store, now_s: Callable[[], float]) -> None:
        self._jobs, self._job_id, self._epoch, self._lists, self._now_s = jobs, job_id, epoch, lists, now_s
        self._writing = asyncio.Lock()
        self._version = 0
        self.job: JobRecord

    async def refresh(self) -> JobRecord:
        """Read the job again: people may have asked for its cancellation."""
        self._version, self.job = await self._jobs.versioned(self._job_id)
        return self.job

    async def move(self, state: policy.JobState, **changes: Any) -> JobRecord:
        """Move the job on; see policy.move."""
        return await self.change(lambda job: policy.move(job, self._epoch, state, self._now_s(), **changes))

    async def change(self, step: Callable[[JobRecord], JobRecord], *, taking: bool = False) -> JobRecord:
        """Replace the job by `step` of it, whatever people changed meanwhile.

        Raises:
            Fenced: another runner has it.
        """
        async with self._writing:
            for _ in range(_TRIES):
                job = await self.refresh()
                if not taking:
                    self._require_owned(job)
                changed = step(job)
                update = Update("job", "job", policy.to_value(changed), self._version)
                try:
                    await self._jobs.store.batch(self._job_id, [update])
                except VersionConflict:
                    continue
                self._version, self.job = self._version + 1, changed
                return changed
        raise Overloaded("The job changes too fast", retry_after_s=1)

    async def finish(self, sort: str, value: dict[str, Any]) -> None:
        """Record what a task made, so that no later runner makes it again; the first record stays.

        Raises:
            Fenced: another runner has the job.
        """
        async with self._writing:
            for _ in range(_TRIES):
                self._require_owned(await self.refresh())
                try:
                    await self._jobs.store.batch(self._job_id, [Insert(sort, "done", value), Check("job", self._version)])
                except VersionConflict as conflict:
                    if sort in conflict.fields.get("failed", ()):
                        return
                    continue
                return
        raise Overloaded("The job changes too fast", retry_after_s=1)

    async def drop(self, prefix: str) -> None:
        """Forget what the finished tasks of a prefix made."""
        async with self._writing:
            while rows := await self._jobs.store.scan(self._job_id, prefix, limit=90):
                self._require_owned(await self.refresh())
                try:
                    await self._jobs.store.batch(
                        self._job_id, [Check("job", self._version), *(Delete(row.sort, row.version) for row in rows)]
                    )
                except VersionConflict:
                    continue

    async def leave(self) -> None:
        """Take an ended job off the runner's list; a retry that comes meanwhile puts it back."""
        await self._lists.remove("active", self._job_id, self._version)

    def _require_owned(self, job: JobRecord) -> None:
        if job.epoch != self._epoch:
            raise Fenced(f"Job {self._job_id} belongs to another runner")
