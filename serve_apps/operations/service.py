"""Operations: what runs and how well, and how many replicas of it.

Main path: status gathers from cluster, store and studio, each with a deadline and an "unknown"; scale is kept, then applied.
Knows the cluster only through the port `Cluster`, which the composition root implements.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
import structlog

from cluster.durable import LogFactory, Store, StoreFactory
from cluster.edge.registry import live_edges
from cluster.errors import ApplicationNotFound, MatineeError, ServiceUnavailable
from cluster.events import TOPICS
from cluster.settings import Settings
from serve_apps.operations.acts import read_page
from serve_apps.operations.lag import Lag
from serve_apps.operations.policy import ScaleRange, condition_of, is_ready, require_range, seats_of
from serve_apps.operations.scales import keep_scale, kept_scales
from serve_apps.operations.schemas import ActorStatus, ApplicationStatus, AuditPage, EdgeSummary, LogStatus, ProcessorStatus, Status
from serve_apps.studio.schemas import StudioStatus

log = structlog.get_logger()
T = TypeVar("T")

GATHER_TIMEOUT_S: Final = 3.0
SCALE_TIMEOUT_S: Final = 20.0


class Placed(msgspec.Struct, frozen=True):
    """An application as the composition root places it."""

    name: str
    prefix: str
    scale: ScaleRange


class Seen(msgspec.Struct, frozen=True):
    """An application as Ray Serve sees it."""

    serve_status: str
    replicas: int
    """How many answer."""
    target: int
    message: str = ""
    starting: int = 0
    """How many are on their way to."""


class Cluster(Protocol):
    """The running applications and actors. Its calls block and may raise anything of Ray's."""

    def placed(self) -> Sequence[Placed]:
        """Return what should run."""
        ...

    def applications(self, timeout_s: float) -> dict[str, Seen]:
        """Return what runs; raises if that isn't known in time."""
        ...

    def actors(self, timeout_s: float) -> dict[str, bool]:
        """Return for each named actor whether it answers in time."""
        ...

    def scale(self, application: str, scale: ScaleRange) -> None:
        """Change the number of replicas, restarting none that stay."""
        ...


class Operations:
    """The service behind /api/v1/operations."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        *,
        open_scales: StoreFactory,
        open_edges: StoreFactory,
        open_log: LogFactory,
        studio: Callable[[], Awaitable[StudioStatus]],
        live_streams: Callable[[], Awaitable[int]],
        lag: Lag,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._cluster, self._now_s = settings, cluster, now_s
        self._open_scales, self._open_edges, self._open_log = open_scales, open_edges, open_log
        self._studio, self._live_streams, self._lag = studio, live_streams, lag

    async def open(self) -> None:
        """Open the stores and the log."""
        self._scales: Store = await self._open_scales()
        self._edges: Store = await self._open_edges()
        self._log = await self._open_log()

    async def close(self) -> None:
        """Close them."""
        await self._scales.close()
        await self._edges.close()
        await self._log.close()
        await self._lag.close()

    async def check(self) -> None:
        """Answer from memory: a sick cluster is no reason to replace who reports it."""

    async def status(self) -> Status:
        """Return everything that runs; parts that don't answer in time are told as unknown."""
        applications, actors, edges, streams, studio, facts = await asyncio.gather(
            self.applications(),
            self._or(self._blocking(self._cluster.actors, 1.0), dict[str, bool]()),
            self._or(self._live_edges(), list[EdgeSummary]()),
            self._or(self._live_streams(), None),
            self._or(self._studio(), None),
            self._facts(),
        )
        return Status(
            site_url=self._settings.site_url,
            dashboard_url=f"http://127.0.0.1:{self._settings.dashboard_port}",
            ready=is_ready([application.state for application in applications]),
            applications=applications,
            actors=[ActorStatus(name=name, answers=answers) for name, answers in actors.items()],
            edges=edges,
            live_streams=streams,
            jobs=[job.model_dump(mode="json") for job in studio.active] if studio else [],
            collectable_bytes=studio.disk.collectable_bytes if studio else None,
            log=facts,
        )

    async def audit(self, limit: int, cursor: str | None) -> AuditPage:
        """Return what operators did, the newest first; see `read_page`."""
        return await read_page(self._log, limit, cursor)

    async def applications(self) -> list[ApplicationStatus]:
        """Return the applications as placed, with what Serve says of each.

        Raises:
            ServiceUnavailable: Serve's controller does not answer.
        """
        try:
            seen = await self._seen()
        except Exception as error:
            raise ServiceUnavailable("Ray Serve does not answer", retry_after_s=2) from error
        kept = await kept_scales(self._scales)
        return [_status(placed, seen.get(placed.name), kept.get(placed.name)) for placed in self._cluster.placed()]

    async def scale(self, application: str, scale: ScaleRange) -> ApplicationStatus:
        """Keep how many replicas an application may have, and apply it; repeating it changes nothing.

        Raises:
            ApplicationNotFound: there is no such application.
            InvalidInput: the range is not allowed.
            ServiceUnavailable: kept, but Serve does not take it now; it is applied at the next `up`.
        """
        placed = next((placed for placed in self._cluster.placed() if placed.name == application), None)
        if placed is None:
            raise ApplicationNotFound(f"There is no application {application!r}", known=[placed.name for placed in self._cluster.placed()])
        await keep_scale(self._scales, application, require_range(scale))
        try:
            async with asyncio.timeout(SCALE_TIMEOUT_S):
                scale = await self._apply_kept(application, scale)
            seen = await self._seen()
        except Exception as error:
            log.exception("scaling failed", application=application)
            raise ServiceUnavailable(f"The scale of {application} is kept, but Ray Serve does not take it now", retry_after_s=2) from error
        return _status(placed, seen.get(application), scale)

    async def _apply_kept(self, application: str, scale: ScaleRange) -> ScaleRange:
        """Apply a scale, and what others have kept meanwhile: whoever applies last looks after that, so what runs is what is kept."""
        while True:
            await self._blocking(self._cluster.scale, application, scale)
            kept = (await kept_scales(self._scales)).get(application, scale)
            if kept == scale:
                return scale
            scale = kept

    async def _seen(self) -> dict[str, Seen]:
        # Bounded twice: the thread is to end too, not only the wait for it.
        return await asyncio.wait_for(self._blocking(self._cluster.applications, GATHER_TIMEOUT_S), GATHER_TIMEOUT_S)

    async def _live_edges(self) -> list[EdgeSummary]:
        now_s = self._now_s()
        return [
            EdgeSummary(
                edge_id=edge.edge_id,
                url=edge.url,
                seen_s_ago=round(max(0.0, now_s - edge.seen_at_s), 1),
                hits=edge.hits,
                misses=edge.misses,
                fill_bytes=edge.fill_bytes,
                cache_bytes=edge.cache_bytes,
                disk_limit_bytes=edge.disk_limit_bytes,
                disk_free_bytes=edge.disk_free_bytes,
            )
            for edge in await live_edges(self._edges, self._now_s)
        ]

    async def _facts(self) -> LogStatus:
        # Each apart: what waits is in the store, and is asked for most while the log is away.
        topics, waiting, behind = await asyncio.gather(
            self._or(self._topics(), dict[str, int]()), self._or(self._lag.look(), None), self._or(self._lag.processors(self._log), [])
        )
        return LogStatus(
            unpublished=None if waiting is None else waiting.facts,
            oldest_unpublished_s=None if waiting is None else waiting.oldest_s,
            topics=topics,
            processors=[ProcessorStatus(name=each.name, topic=each.topic, lag=each.lag, set_aside=each.set_aside) for each in behind],
        )

    async def _topics(self) -> dict[str, int]:
        return dict(await asyncio.gather(*(self._end_of(topic.name, topic.partitions) for topic in TOPICS)))

    async def _end_of(self, name: str, partitions: int) -> tuple[str, int]:
        topic = next(topic for topic in TOPICS if topic.name == name)
        return name, sum([await self._log.end(topic, partition) for partition in range(partitions)])

    async def _blocking(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.to_thread(function, *args)

    async def _or(self, operation: Awaitable[T], otherwise: T) -> T:
        try:
            return await asyncio.wait_for(operation, GATHER_TIMEOUT_S)
        except (MatineeError, TimeoutError):
            return otherwise
        except Exception:
            log.exception("a part of the status is unknown")
            return otherwise


def _status(placed: Placed, seen: Seen | None, kept: ScaleRange | None) -> ApplicationStatus:
    scale, found = kept or placed.scale, seen or Seen(serve_status="", replicas=0, target=0)
    return ApplicationStatus(
        name=placed.name,
        prefix=placed.prefix,
        state=condition_of(found.serve_status, found.replicas, found.target) if seen else "missing",
        replicas=found.replicas,
        target=found.target,
        min_replicas=scale.min_replicas,
        max_replicas=scale.max_replicas,
        seats=seats_of(found.serve_status, found.replicas, found.starting, found.target),
    )
