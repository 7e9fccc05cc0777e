"""The edge: a process outside Ray that serves video to players from a disk cache, filled from the object store.

`run` is the program; `registry` and `revocation` are what services share with it through the store.
"""

from __future__ import annotations

from collections.abc import Callable

from cluster.settings import Settings


def run(
    settings: Settings,
    *,
    port: int | None = None,
    edge_id: str | None = None,
    report_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `report_ready` gets the edge's URL once it answers.

    `port` is by default the settings' (0 takes a free one), `edge_id` one kept in the cache's directory.

    Raises:
        PortUnavailable: the port is in use or not allowed.
        Misconfigured: the cache's directory can't be written or is another edge's, or a setting is wrong.
    """
    from cluster.edge.server import serve

    serve(settings, settings.edge_port if port is None else port, edge_id, report_ready)
