"""The one that drives all encode jobs: takes them over at its start, runs the oldest first, stops the cancelled, collects garbage.

Main path: `run` -> `tick` every moment -> a `Production` for each of the oldest jobs -> tasks on the executor.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from cluster.durable import Store, open_objects, open_store
from cluster.errors import Fenced, JobNotFound, MatineeError
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient
from serve_apps.studio.blobs import Blobs
from serve_apps.studio.catalog_port import Catalog
from serve_apps.studio.collector import Collector
from serve_apps.studio.executor import Executor, RayExecutor, Slots
from serve_apps.studio.floor import Floor
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.production import Production
from serve_apps.studio.tables import JOBS, LISTS, UPLOADS
from serve_apps.studio.uploads import Uploads
from serve_apps.studio.versions import Versions

log = structlog.get_logger()

JOBS_AT_ONCE: Final = 4
"""Each has its source on disk; a fifth would only wait for encoders."""
POLL_S: Final = 0.5
AGAIN_AFTER_S: Final = 3.0
RESIZE_EVERY_S: Final = 10.0
NAME: Final = "encode-runner"
NAMESPACE: Final = "matinee"


class EncodeRunner:
    """Owns every job that has not ended, by an epoch that it takes at its start: an earlier runner's writes are refused from then on.

    Survives a crash: everything recorded; the next one goes on from the finished chunks. Holds nothing that isn't read back from the store.
    Repeated calls: nudging and reporting change nothing twice. Undecorated on purpose: tests build it in process, without Ray.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog | None = None, executor: Executor | None = None, now_s: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._catalog, self._executor, self._now_s = settings, catalog, executor, now_s
        self._stores: list[Store] = []
        self._running: dict[str, tuple[Production, asyncio.Task[None]]] = {}
        self._collecting: asyncio.Task[None] | None = None
        self._again_at_s: dict[str, float] = {}
        self._nudged = asyncio.Event()
        self._floor: Floor
        self._collector: Collector

    async def open(self) -> None:
        """Open the store, fence the runner before, and remove what it left in work folders."""
        for table in (UPLOADS, JOBS, LISTS):
            self._stores.append(await open_store(self._settings.store, table, self._now_s))
        uploads, jobs, lists = self._stores
        blobs = Blobs(open_objects(self._settings.objects))
        executor = self._executor or RayExecutor(self._settings, _own_handle())
        keeper = Jobs(jobs, lists, self._now_s)
        self._floor = Floor(
            settings=self._settings,
            jobs=keeper,
            uploads=Uploads(uploads, lists, blobs, self._now_s),
            blobs=blobs,
            versions=Versions(lists),
            catalog=self._catalog or CatalogClient(),
            executor=executor,
            slots=Slots(await executor.slots()),
            epoch=await keeper.take_runner_epoch(),
            now_s=self._now_s,
        )
        self._collector = Collector(self._floor, lists)
        await executor.sweep(await keeper.active_ids())

    async def close(self) -> None:
        """Drop everything where it stands; whoever opens next goes on."""
        tasks = [task for _, task in self._running.values()] + ([self._collecting] if self._collecting else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._stores:
            await self._stores.pop().close()

    async def run(self) -> None:
        """Work for ever; returns when a later runner has taken over."""
        while not self._stores:
            try:
                await self.open()
            except Exception as error:
                log.warning("the runner cannot start yet", reason=repr(error))
                await self.close()
                await asyncio.sleep(AGAIN_AFTER_S)
        resize_at_s = time.monotonic()
        while True:
            try:
                await self.tick()
                if time.monotonic() >= resize_at_s:
                    self._floor.slots.resize(await self._floor.executor.slots())
                    resize_at_s = time.monotonic() + RESIZE_EVERY_S
                if self._collecting is None or self._collecting.done():
                    self._collecting = asyncio.create_task(self._collect_later())
            except Fenced:
                log.warning("a later runner has taken over")
                await self.close()
                return
            except MatineeError as error:
                log.warning("the runner waits", reason=str(error))
            except Exception:
                log.exception("unexpected error in the runner")
            # Not wait_for: in Python 3.11 it loses a cancellation that comes with the time-out (gh-86296).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._nudged.wait()
            self._nudged.clear()

    async def tick(self) -> None:
        """Start what waits, stop what is cancelled.

        Raises:
            Fenced: a later runner has taken over.
        """
        if await self._floor.jobs.runner_epoch() > self._floor.epoch:
            raise Fenced("A later runner has taken over")
        active = await self._floor.jobs.active_ids()
        self._again_at_s = {job_id: at_s for job_id, at_s in self._again_at_s.items() if job_id in active}
        for job_id, cancel in active.items():
            if job_id in self._running:
                if cancel:
                    self._running[job_id][0].stop()
            elif (len(self._running) < JOBS_AT_ONCE or cancel) and time.monotonic() >= self._again_at_s.get(job_id, 0.0):
                await self._start(job_id, cancel=cancel)

    async def collect(self) -> None:
        """Collect garbage now; it also happens by itself."""
        await self._collector.run_once()

    async def _collect_later(self) -> None:
        try:
            await self._collector.run_once()
        except MatineeError as error:
            log.warning("nothing is collected at the moment", reason=str(error))
        except Exception:
            log.exception("unexpected error in the collector")
        await asyncio.sleep(self._collector.every_s)

    async def nudge(self) -> None:
        """Look at the jobs at once."""
        self._nudged.set()

    async def report(self, job_id: str, key: str, frames: int) -> None:
        """Hear from a task how far it is."""
        if job_id in self._running:
            self._running[job_id][0].report(key, frames)

    async def _start(self, job_id: str, *, cancel: bool) -> None:
        try:
            ledger = await self._floor.jobs.take(job_id, self._floor.epoch)
        except JobNotFound:
            return  # listed, but not written yet, or never: the collector sees to it
        production = Production(self._floor, ledger)
        if cancel or ledger.job.cancel_requested:
            production.stop()
        task = asyncio.create_task(self._produce(job_id, production))
        self._running[job_id] = production, task

    async def _produce(self, job_id: str, production: Production) -> None:
        try:
            await production.run()
            self._again_at_s.pop(job_id, None)
        except Fenced:
            log.warning("another runner has the job", job_id=job_id)
        except Exception as error:
            # The store or the catalogue is away, or the disk too full even to say so: the job's rows are as they were.
            log.warning("the job waits", job_id=job_id, reason=repr(error))
            self._again_at_s[job_id] = time.monotonic() + AGAIN_AFTER_S
        finally:
            del self._running[job_id]
            self._nudged.set()


def _own_handle() -> Any:
    import ray

    return ray.get_runtime_context().current_actor


class EncodeRunnerActor(EncodeRunner):
    """The runner as an actor: begins by itself, since after a crash nobody calls it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        # Ray constructs an asynchronous actor on its event loop.
        self._forever = asyncio.get_running_loop().create_task(self.run())


class Runner:
    """The typed client; the only place that says `.remote()` to the actor."""

    def __init__(self) -> None:
        self._handle: Any = None

    async def nudge(self) -> None:
        """Make the runner look at once, if it is there; it looks by itself anyway."""
        import ray

        with contextlib.suppress(Exception):
            if self._handle is None:
                self._handle = await asyncio.to_thread(ray.get_actor, NAME, NAMESPACE)
            self._handle.nudge.remote()


def start_runner(settings: Settings) -> Any:
    """Start the actor unless it runs; returns its handle."""
    import ray

    actor = ray.remote(max_restarts=-1, max_task_retries=0, num_cpus=0.05)(EncodeRunnerActor)
    return actor.options(name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, max_pending_calls=10_000).remote(settings)
