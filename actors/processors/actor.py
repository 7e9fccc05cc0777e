"""The actors that run the processors: what Ray runs, and how they are started.

Main path: start_all() at launch -> each follows its partitions until the cluster ends. Nobody calls them: what they made, and how far
they are, stands in the store.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from actors.own_thread import OwnThread
from actors.processors import PROCESSORS, LogProcessor
from actors.processors.kept import PROCESSED
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS, Nudge
from cluster.settings import Settings

NAMESPACE: Final = "matinee"


class ProcessorHost:
    """Runs one instance of a processor on a thread of its own, from construction on: restarted after a crash it needs no call to go on.

    Survives a crash: see LogProcessor.
    """

    def __init__(self, settings: Settings, name: str, instance: int, nudge: Nudge | None = None) -> None:
        self._processor = LogProcessor(
            next(processor for processor in PROCESSORS if processor.name == name),
            partial(open_store, settings.store, PROCESSED),
            partial(open_store, settings.store, HINTS),
            partial(open_log, settings.log, kept_s=settings.kept_s),
            nudge=nudge,
            instance=instance,
            instances=settings.processor_instances,
        )
        self._thread = OwnThread(f"processor {name}", self._processor)

    def close(self) -> None:
        """End the thread; what it had not written, the next one does."""
        self._thread.close()


def names(settings: Settings) -> list[str]:
    """Return the names of all their actors."""
    return [_name(processor.name, instance) for processor in PROCESSORS for instance in range(settings.processor_instances)]


def start_all(settings: Settings) -> list[Any]:
    """Return the handles of all their actors, started where there are none."""
    import ray

    from actors.outbox_relay import Relay

    return [
        ray.remote(ProcessorHost)
        .options(
            name=_name(processor.name, instance),
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0.05,
            max_restarts=-1,
            max_pending_calls=100,
        )
        .remote(settings, processor.name, instance, Relay().nudge)
        for processor in PROCESSORS
        for instance in range(settings.processor_instances)
    ]


def _name(processor: str, instance: int) -> str:
    return f"processor-{processor}-{instance}"
