"""What a processor is: a topic, and a pure function from rows and an event to rows. It knows neither store nor log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from cluster.durable import Value
from cluster.events import Event, Topic

Rows = Mapping[str, Value | None]
"""Rows of a partition's result by their keys; None: there is none."""


def never(_key: str, _value: Value) -> float | None:
    """Return that a row stays."""
    return None


class Processor(msgspec.Struct, frozen=True):
    """Makes rows of the events of a topic, each partition of it by itself.

    Both functions are pure and quick. They change nothing that they are given, and what `apply` makes is as it would be read back from
    JSON (lists, keys of text): the next event begins with the one or the other. What they raise speaks of the event: it is set aside,
    with what was raised for a reason. An event whose version is not above the last one of its key is passed over before them: it came
    twice.
    """

    name: str
    """Part of the keys of everything that it keeps; never changed."""
    topic: Topic
    keys: Callable[[Event], Collection[str]]
    """The rows that an event concerns: all that `apply` reads, and all that it may write."""
    apply: Callable[[Mapping[str, Any], Event], Rows]
    """The rows that an event changes, of those as they are; None removes one."""
    expires_at_s: Callable[[str, Value], float | None] = never
    """When a row that is written may be forgotten."""

    def partitions(self, instance: int, instances: int) -> list[int]:
        """Return the partitions of one of its instances."""
        return [partition for partition in range(self.topic.partitions) if partition % instances == instance]
