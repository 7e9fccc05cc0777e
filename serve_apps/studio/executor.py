"""Where tasks run: in this process, or on Ray's nodes. Knows nothing of jobs.

A task whose worker died is `TaskLost`: it may be run again. Whoever is cancelled while waiting for a task gets back only once it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Collection
from typing import Any, Final, Protocol

from cluster.errors import MatineeError
from cluster.settings import Settings
from serve_apps.studio.tasks import Report, Task, TaskStopped, clear_node, perform, sweep_node, throttled

STOP_S: Final = 1.0
"""How long a cancelled task may take to end its programs before its worker is killed, and they with it."""
NODE_S: Final = 60.0


class TaskLost(Exception):
    """The task's worker died, or something unforeseen happened in it."""


class Executor(Protocol):
    """Runs tasks."""

    async def slots(self) -> int:
        """Return how many encoding tasks run at once."""
        ...

    async def run(self, task: Task, report: Report) -> dict[str, Any]:
        """Do a task somewhere; raises what it raises, or TaskLost."""
        ...

    async def sweep(self, job_ids: Collection[str]) -> None:
        """Remove what jobs other than these left in work folders, on every node; for when nothing runs yet."""
        ...

    async def clear(self, job_id: str) -> None:
        """Remove a job's work folder, on every node."""
        ...


class LocalExecutor:
    """Runs tasks in this process."""

    def __init__(self, settings: Settings, slots: int = 2) -> None:
        self._settings, self._slots = settings, slots

    async def slots(self) -> int:
        """See `Executor`."""
        return self._slots

    async def run(self, task: Task, report: Report) -> dict[str, Any]:
        """See `Executor`."""
        try:
            return await perform(task, report)
        except (MatineeError, TaskStopped):
            raise
        except Exception as error:
            raise TaskLost(repr(error)) from error

    async def sweep(self, job_ids: Collection[str]) -> None:
        """See `Executor`."""
        await asyncio.to_thread(sweep_node, self._settings, job_ids)

    async def clear(self, job_id: str) -> None:
        """See `Executor`."""
        await asyncio.to_thread(clear_node, self._settings, job_id)


class RayExecutor:
    """Runs tasks on Ray: one that encodes takes one of the resource `encode` and no CPU, so encoders never keep services waiting.

    `mailbox` is the actor whose method `report(job_id, key, frames)` hears how far tasks are.
    """

    def __init__(self, settings: Settings, mailbox: Any) -> None:
        import ray

        self._settings, self._mailbox = settings, mailbox
        self._perform = ray.remote(num_cpus=0, max_retries=0)(_perform_in_worker)
        self._sweep = ray.remote(num_cpus=0, max_retries=1)(sweep_node)
        self._clear = ray.remote(num_cpus=0, max_retries=1)(clear_node)

    async def slots(self) -> int:
        """See `Executor`."""
        import ray

        resources = await asyncio.to_thread(ray.cluster_resources)
        return max(1, int(resources.get("encode", 0)))

    async def run(self, task: Task, report: Report) -> dict[str, Any]:
        """See `Executor`; `report` is not used, the mailbox is."""
        from ray.exceptions import RayError, RayTaskError

        name = f"{task.key} of {task.job_id}"
        reference = self._perform.options(name=name, resources={"encode": 1} if task.encodes else None).remote(task, self._mailbox)
        try:
            result: dict[str, Any] = await reference
            return result
        except asyncio.CancelledError:
            await asyncio.shield(self._end(reference))
            raise
        except RayTaskError as error:
            if isinstance(error.cause, MatineeError | TaskStopped):
                raise error.cause from error
            raise TaskLost(f"{task.key}: {error.cause!r}") from error
        except RayError as error:
            raise TaskLost(f"{task.key}: {type(error).__name__}") from error

    async def sweep(self, job_ids: Collection[str]) -> None:
        """See `Executor`."""
        await self._everywhere(self._sweep, list(job_ids))

    async def clear(self, job_id: str) -> None:
        """See `Executor`."""
        await self._everywhere(self._clear, job_id)

    async def _everywhere(self, function: Any, argument: Any) -> None:
        import ray
        from ray.exceptions import RayError
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node["NodeID"] for node in await asyncio.to_thread(ray.nodes) if node["Alive"]]
        for call in [
            function.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(self._settings, argument)
            for node in nodes
        ]:
            with contextlib.suppress(RayError, TimeoutError):  # a node that goes away takes its folders with it
                async with asyncio.timeout(NODE_S):
                    await call

    async def _end(self, reference: Any) -> None:
        import ray

        for force in (False, True):
            ray.cancel(reference, force=force)
            if await _ended(reference):
                return


async def _ended(reference: Any) -> bool:
    try:
        async with asyncio.timeout(STOP_S):
            await reference
    except TimeoutError:
        return False
    except Exception:
        return True  # cancelled, killed, or failed before it heard of it
    return True


def _perform_in_worker(task: Task, mailbox: Any) -> dict[str, Any]:
    """Run a task to its end in a Ray worker; cancelling it interrupts the loop, which ends the programs."""
    report = throttled(lambda frames: mailbox.report.remote(task.job_id, task.key, frames))
    return asyncio.run(perform(task, report))


class Slots:
    """Grants as many at once as there are encoders, the lowest priority number first: an earlier job's tasks go first."""

    def __init__(self, count: int) -> None:
        self._count, self._taken, self._turn = count, 0, 0
        self._waiting: list[tuple[tuple[str, int, int], int, asyncio.Future[None]]] = []

    def resize(self, count: int) -> None:
        """Change how many there are."""
        self._count = count
        self._grant()

    @contextlib.asynccontextmanager
    async def one(self, priority: tuple[str, int, int]) -> AsyncIterator[None]:
        """Hold one; waits for its turn."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turn += 1
        heapq.heappush(self._waiting, (priority, self._turn, granted))
        self._grant()
        try:
            await granted
            yield
        finally:
            if granted.done() and not granted.cancelled():
                self._taken -= 1
            granted.cancel()
            self._grant()

    def _grant(self) -> None:
        while self._waiting and self._taken < self._count:
            *_, granted = heapq.heappop(self._waiting)
            if not granted.cancelled():
                self._taken += 1
                granted.set_result(None)
