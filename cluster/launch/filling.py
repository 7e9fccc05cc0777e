"""The process that fills the demo while Matinee runs; tells by lines on stdout, `done total`. Run as `python -m cluster.launch.filling`."""

from __future__ import annotations

import sys

from cluster.errors import MatineeError
from cluster.launch.client import OperatorClient
from cluster.settings import load


def main() -> int:
    """Return 0 if everything plays, else 1; what could not be made is told on stderr."""
    from cluster.launch.demo.fill import Demo
    from cluster.launch.demo.works import all_works

    settings = load()

    def report(done: int, total: int, problem: str) -> None:
        print(done, total, flush=True)

    try:
        with OperatorClient.of_running(settings) as operator:
            folder = settings.data / "demo"
            problems = Demo(operator, folder / "work", all_works(folder), report).run()
    except MatineeError as error:
        problems = [error.detail]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
