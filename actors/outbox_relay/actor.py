"""The one relay of a cluster: what Ray runs, and the typed client by which the others nudge it.

Main path: Relay.get_or_start() at launch; Relay().nudge(hint, settled) after each commit.
Refuses to know hints and facts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from functools import partial
from typing import Any, Final, Self

from actors.outbox_relay.relay import OutboxRelay
from actors.own_thread import OwnThread
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS, Hint
from cluster.errors import ServiceUnavailable
from cluster.settings import Settings

ACTOR_NAME: Final = "outbox-relay"
NAMESPACE: Final = "matinee"
_LOOK_UP_INTERVAL_S: Final = 2.0


class RelayHost:
    """Runs an OutboxRelay on a thread of its own, from construction on: after a crash the restarted actor needs no call to go on.

    Survives a crash, and repeated calls: see OutboxRelay.
    """

    def __init__(self, settings: Settings) -> None:
        self._relay = OutboxRelay(
            partial(open_store, settings.store, HINTS),
            partial(open_store, settings.store),
            partial(open_log, settings.log, kept_s=settings.kept_s),
        )
        self._thread = OwnThread("outbox relay", self._relay)

    def nudge(self, hint: Hint, settled: bool) -> None:
        """See `OutboxRelay.nudge`."""
        self._relay.nudge(hint, settled)

    def check(self) -> None:
        """Do nothing if the relay runs.

        Raises:
            ServiceUnavailable: its thread has ended.
        """
        if not self._thread.alive:
            raise ServiceUnavailable("The outbox relay has stopped")

    def close(self) -> None:
        """End the thread; what it had not published, the next relay finds."""
        self._thread.close()


class Relay:
    """The typed client; the only place that says `.remote()`."""

    def __init__(self, actor: Any = None) -> None:
        """Take a handle, or look the actor up by its name when it is first needed."""
        self._actor = actor
        self._looked_up_at_s = -_LOOK_UP_INTERVAL_S

    @classmethod
    def get_or_start(cls, settings: Settings) -> Self:
        """Return the relay of this cluster, started if there is none; blocks until Ray knows it."""
        import ray

        options = {
            "name": ACTOR_NAME,
            "namespace": NAMESPACE,
            "lifetime": "detached",
            "get_if_exists": True,
            "num_cpus": 0.05,
            "max_restarts": -1,
            "max_pending_calls": 1000,
        }
        return cls(ray.remote(RelayHost).options(**options).remote(settings))

    def nudge(self, hint: Hint, settled: bool) -> None:
        """Have the relay look at a hint's partition at once; never waits and never fails, since the relay looks by itself each second."""
        if self._actor is None:
            self._look_up()
            return
        try:
            self._actor.nudge.remote(hint, settled)
        except Exception:  # too many calls wait, or Ray is going down
            self._actor = None

    async def check(self, timeout_s: float = 5.0) -> None:
        """Do nothing if the relay runs.

        Raises:
            ServiceUnavailable: it does not answer.
        """
        import ray

        try:
            if self._actor is None:
                await asyncio.to_thread(self._find)
            if self._actor is None:
                raise ServiceUnavailable("The outbox relay is not started")
            async with asyncio.timeout(timeout_s):
                await self._actor.check.remote()
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise ServiceUnavailable("The outbox relay does not answer") from error

    def _look_up(self) -> None:
        if "ray" not in sys.modules:  # a process without Ray: nobody to nudge, and seconds to import it
            return
        now_s = time.monotonic()
        if now_s - self._looked_up_at_s < _LOOK_UP_INTERVAL_S:
            return
        self._looked_up_at_s = now_s
        # In a thread: asking Ray by name blocks.
        threading.Thread(target=self._find, name="find outbox relay", daemon=True).start()

    def _find(self) -> None:
        import ray

        if not ray.is_initialized():  # asking would start a cluster of its own
            return
        with contextlib.suppress(Exception):  # not started yet: the next nudge looks again
            self._actor = ray.get_actor(ACTOR_NAME, NAMESPACE)
