"""The process that fills the demo while Matinee runs, and tells how far it is by lines on stdout; `python -m cluster.launch.filling`.

Main path: films -> the audience and the members watch -> a model learns from that and becomes live. What is done is not done again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster.errors import MatineeError
from cluster.launch.client import OperatorClient
from cluster.launch.demo.fill import Demo
from cluster.launch.demo.works import Work, all_works
from cluster.launch.ingest.tus import Api
from cluster.launch.training import data, learning
from cluster.leaving import leave
from cluster.settings import Settings, load

Tell = Callable[[str], None]


def fill(
    settings: Settings,
    api: Api,
    works: Sequence[Work],
    folder: Path,
    tell: Tell,
    now_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Make these works and have them watched; returns a line for all that could not be done (none when all went well)."""
    problems = Demo(api, folder / "work", works, lambda done, total, _: tell(f"{done} of {total} play"), sleep).run()
    if data.has_torch():
        from cluster.launch.demo.watching import watch

        tell(f"{len(works)} are made; the audience watches")
        try:
            watch(settings, api, folder, {work.title["name"] for work in works}, now_s)
        except MatineeError as error:
            problems.append(error.detail)
    return problems


def learn(settings: Settings, tell: Tell) -> list[str]:
    """Have a model learn from it and become live, if none is live; returns the problems, as `fill` does."""
    try:
        if not data.has_torch() or asyncio.run(learning.live_id(settings)) is not None:
            return []
        entry = learning.learn(settings, lambda line: tell(f"a model learns: {line.strip()}"))
    except MatineeError as error:
        return [error.detail]
    return [] if entry.verdict.accepted else [f"The model is not live: {entry.verdict.reason}"]


def main() -> int:
    """Return 0 if everything is done, else 1; what could not be made is told on stderr."""
    settings = load()
    folder = settings.data / "demo"

    def tell(line: str) -> None:
        print(line, flush=True)

    try:
        with OperatorClient.of_running(settings) as operator:
            works = all_works(folder)
            problems = fill(settings, operator, works, folder, tell, time.time())
            whole = f"all {len(works)} play" if not problems else "not all play"
            os.nice(learning.LEAST)
            problems += learn(settings, lambda line: tell(f"{whole}; {line}"))
            tell(f"{whole}, and a model picks" if data.has_torch() else f"{whole}; no model picks without PyTorch")
    except MatineeError as error:
        problems = [error.detail]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    leave(main())
