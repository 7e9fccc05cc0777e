"""The typed client of the session shards, and how their actors are made; nobody else says `.remote()` to them.

Main path: Sessions.start -> the account's shard -> asked again until the deadline while it restarts.
Every call is idempotent on its own id, so asking again is safe.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol, Self, TypeVar

from actors.sessions import policy
from actors.sessions.heartbeats import Answer
from actors.sessions.shard import SessionShard
from actors.sessions.stream import Admission, Beat, LiveStream, Saved, Start, Stop, StreamPage
from actors.sessions.tables import open_tables
from cluster.durable.outbox import Nudge
from cluster.errors import DeadlineExceeded, MatineeError, Overloaded, ServiceUnavailable, SessionNotFound, Unavailable
from cluster.settings import Settings

T = TypeVar("T")

NAMESPACE: Final = "matinee"
DEADLINE_S: Final = 10.0
BEATS_AT_ONCE: Final = 256
WAITING_BEATS_LIMIT: Final = 20_000
PENDING_CALLS_LIMIT: Final = 2_000
SWEEP_EVERY_S: Final = 0.5
"""Short, since a device that was signed out must have lost its stream, at the edges too, within 5 s."""


class Shard(Protocol):
    """A shard as its callers see it: methods of SessionShard."""

    async def start(self, start: Start) -> Admission: ...  # noqa: D102
    async def stop(self, stop: Stop) -> None: ...  # noqa: D102
    async def end_all(self, account_id: str, profile_id: str | None = None) -> None: ...  # noqa: D102
    async def beat(self, beats: Sequence[Beat]) -> list[Answer]: ...  # noqa: D102
    async def live(self, account_id: str) -> list[LiveStream]: ...  # noqa: D102
    async def streams(self, after: str | None, limit: int) -> StreamPage: ...  # noqa: D102


class Sessions:
    """The playback sessions of all accounts."""

    def __init__(self, shards: Sequence[Shard], deadline_s: float = DEADLINE_S) -> None:
        self._shards, self._deadline_s = list(shards), deadline_s
        self._waiting: list[list[tuple[Beat, asyncio.Future[Answer]]]] = [[] for _ in shards]
        self._sending: list[asyncio.Task[None] | None] = [None for _ in shards]

    @classmethod
    def on_ray(cls, settings: Settings) -> Self:
        """Return the sessions of this cluster; its actors are looked up, or made, at the first call."""
        return cls([RayShard(settings, number) for number in range(settings.session_shards)])

    async def start(self, start: Start) -> Admission:
        """See `SessionShard.start`."""
        shard = self._shard_of(start.account_id)
        return await self._patiently(lambda: shard.start(start))

    async def stop(self, stop: Stop) -> None:
        """See `SessionShard.stop`."""
        shard = self._shard_of(stop.account_id)
        await self._patiently(lambda: shard.stop(stop))

    async def end_all(self, account_id: str, profile_id: str | None = None) -> None:
        """See `SessionShard.end_all`."""
        shard = self._shard_of(account_id)
        await self._patiently(lambda: shard.end_all(account_id, profile_id))

    async def beat(self, beat: Beat) -> Saved:
        """Save a heartbeat, in one call and one commit with those that come at the same moment.

        Raises:
            SessionNotFound: there is no such session (any more) on that device and profile.
            Overloaded: too many heartbeats wait.
        """
        number = self._number_of(beat.account_id)
        if len(self._waiting[number]) >= WAITING_BEATS_LIMIT:
            raise Overloaded("Too many heartbeats wait", retry_after_s=1)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number].append((beat, future))
        sending = self._sending[number]
        if sending is None or sending.done():
            self._sending[number] = asyncio.create_task(self._send(number), name=f"heartbeats of shard {number}")
        answer = await future
        if answer is None:
            raise SessionNotFound
        if isinstance(answer, MatineeError):
            raise answer
        return answer

    async def live(self, account_id: str) -> list[LiveStream]:
        """See `SessionShard.live`."""
        shard = self._shard_of(account_id)
        return await self._patiently(lambda: shard.live(account_id))

    async def streams(self, limit: int, after: str | None = None) -> StreamPage:
        """Return the first live streams of all accounts after a key, the latest started first, and how many are live.

        Raises:
            Unavailable: one of the shards does not answer; what the others know is not all.
        """
        pages = await asyncio.gather(*(self._patiently(partial(shard.streams, after, limit)) for shard in self._shards))
        found = (each for page in pages for each in page.items)
        return StreamPage(policy.first_of(found, None, limit), sum(page.total for page in pages))

    async def live_total(self) -> int:
        """Return how many streams are live; raises as `streams` does."""
        return (await self.streams(0)).total

    async def close(self) -> None:
        """Let go of what is being sent; heartbeats that were not answered were not acknowledged."""
        for task in self._sending:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in self._sending if task is not None), return_exceptions=True)
        for waiting in self._waiting:
            _refuse(waiting, _stopping())

    async def _send(self, number: int) -> None:
        # One call at a time: while it is away, the next ones gather.
        while self._waiting[number]:
            await asyncio.sleep(0)  # whoever beats in the same turn of the loop comes along; a wait by the clock cost more than it gathered
            batch = [waiting for waiting in self._waiting[number][:BEATS_AT_ONCE] if not waiting[1].done()]  # some have given up
            del self._waiting[number][:BEATS_AT_ONCE]
            if not batch:
                continue
            beats = [beat for beat, _ in batch]
            try:
                answers: Sequence[Answer] = await self._patiently(partial(self._shards[number].beat, beats))
            except BaseException as error:
                _refuse(batch, error if isinstance(error, Exception) else _stopping())
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Ask again while a shard restarts or was superseded, until the deadline."""
        end_s = time.monotonic() + self._deadline_s
        pause_s = 0.05
        while True:
            try:
                async with asyncio.timeout(max(0.01, end_s - time.monotonic())):
                    return await call()
            except TimeoutError as error:
                raise DeadlineExceeded("The playback session's owner did not answer in time", retry_after_s=1) from error
            except Overloaded:
                raise
            except Unavailable:
                if time.monotonic() + pause_s >= end_s:
                    raise
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 1.6, 0.5)

    def _number_of(self, account_id: str) -> int:
        return policy.partition_of(account_id) % len(self._shards)

    def _shard_of(self, account_id: str) -> Shard:
        return self._shards[self._number_of(account_id)]


def _stopping() -> ServiceUnavailable:
    return ServiceUnavailable("This replica is stopping", retry_after_s=1)


def _refuse(waiting: Sequence[tuple[Beat, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)


class RayShard:
    """A shard that is a Ray actor."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings, self._number = settings, number
        self._actor: Any = None

    async def start(self, start: Start) -> Admission:
        """See `SessionShard.start`."""
        admission: Admission = await self._call("start", start)
        return admission

    async def stop(self, stop: Stop) -> None:
        """See `SessionShard.stop`."""
        await self._call("stop", stop)

    async def end_all(self, account_id: str, profile_id: str | None = None) -> None:
        """See `SessionShard.end_all`."""
        await self._call("end_all", account_id, profile_id)

    async def beat(self, beats: Sequence[Beat]) -> list[Answer]:
        """See `SessionShard.beat`."""
        answers: list[Answer] = await self._call("beat", list(beats))
        return answers

    async def live(self, account_id: str) -> list[LiveStream]:
        """See `SessionShard.live`."""
        streams: list[LiveStream] = await self._call("live", account_id)
        return streams

    async def streams(self, after: str | None, limit: int) -> StreamPage:
        """See `SessionShard.streams`."""
        page: StreamPage = await self._call("streams", after, limit)
        return page

    async def _call(self, method: str, *args: Any) -> Any:
        from ray.exceptions import ActorDiedError, PendingCallsLimitExceeded, RayError, RayTaskError

        try:
            if self._actor is None:
                self._actor = await asyncio.to_thread(get_or_start, self._settings, self._number)
            return await getattr(self._actor, method).remote(*args)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, MatineeError):
                raise cause from error
            raise ServiceUnavailable(f"Session shard {self._number} failed: {type(cause).__name__}", retry_after_s=1) from error
        except PendingCallsLimitExceeded as error:
            raise Overloaded(f"Session shard {self._number} has too many calls waiting", retry_after_s=1) from error
        except ActorDiedError as error:
            self._actor = None  # it was removed for good: the next call makes another, and the epoch fences this one
            raise ServiceUnavailable(f"Session shard {self._number} is gone", retry_after_s=1) from error
        except RayError as error:
            raise ServiceUnavailable(f"Session shard {self._number} does not answer", retry_after_s=1) from error


def names(settings: Settings) -> list[str]:
    """Return the names of the shards' actors."""
    return [f"session-shard-{number}" for number in range(settings.session_shards)]


def start_all(settings: Settings) -> list[Any]:
    """Return the handles of all shards' actors, started where there are none."""
    return [get_or_start(settings, number) for number in range(settings.session_shards)]


def get_or_start(settings: Settings, number: int) -> Any:
    """Return the handle of a shard's actor, started if there is none; blocks until Ray has answered."""
    import ray

    nudge = _nudge()
    return (
        ray.remote(SessionShard)
        .options(
            name=names(settings)[number],
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            max_task_retries=0,
            max_pending_calls=PENDING_CALLS_LIMIT,
            max_concurrency=PENDING_CALLS_LIMIT,
            num_cpus=0.05,
        )
        .remote(
            number,
            settings.session_shards,
            partial(open_tables, settings, nudge=nudge),
            settings.lease_s,
            sweep_every_s=min(SWEEP_EVERY_S, settings.lease_s / 4),
        )
    )


def _nudge() -> Nudge:
    from actors.outbox_relay import Relay

    return Relay().nudge
