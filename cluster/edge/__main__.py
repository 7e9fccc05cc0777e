"""`python -m cluster.edge`: an edge by the settings of the environment, logging to stderr."""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from cluster.edge import run
from cluster.errors import MatineeError
from cluster.leaving import leave
from cluster.settings import load


def main() -> int:
    """Return the exit code: 0 after a clean stop, 2 where a setting or the machine is wrong."""
    parser = argparse.ArgumentParser(prog="python -m cluster.edge", description="Serve video from a disk cache.")
    parser.add_argument("--host", help="address to listen on (MATINEE_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for a free one (MATINEE_EDGE_PORT)")
    parser.add_argument("--edge-id", help="name of this edge; by default one kept in its cache")
    options = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    try:
        run(
            load(host=options.host, edge_port=options.port or None),
            port=options.port,
            edge_id=options.edge_id,
            report_ready=lambda url: print(f"edge ready at {url}", flush=True),
        )
    except MatineeError as error:
        print(error.detail, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    leave(main())
