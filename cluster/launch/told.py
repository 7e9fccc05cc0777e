"""What the head tells the supervisor, a line of JSON each."""

from __future__ import annotations

import msgspec

from cluster.launch.instance import ApplicationState, Process


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line from the head to the supervisor; only what changed is set."""

    stage: str = ""
    needed: dict[str, Process] = {}
    """Those without which there is no Ray, by name."""
    dashboard_url: str = ""
    applications: tuple[ApplicationState, ...] = ()
    training: str = ""
    """How the training by the schedule goes, or went."""
    ready: bool = False
    failed: str = ""
    exit_code: int = 1
