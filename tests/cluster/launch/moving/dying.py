"""Moves that end by kill -9 at the moment when they tell something: python -m tests.cluster.launch.moving.dying WORDS COMMAND…"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.running import instance_environment


def killed(data: Path, words: str, *command: str, **settings: object) -> None:
    """Run a command of `matinee` in a process that dies once what it does begins with `words`."""
    program = [sys.executable, "-m", "tests.cluster.launch.moving.dying", words, *command]
    done = subprocess.run(program, env=instance_environment(data, **settings), capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == -signal.SIGKILL, (done.stdout, done.stderr)


def main(words: str, *command: str) -> None:
    from cluster.launch import cli
    from cluster.launch.moving.telling import Telling

    def doing(telling: Telling, told: str) -> None:
        if told.startswith(words):
            os.kill(os.getpid(), signal.SIGKILL)

    Telling.doing = doing  # type: ignore[method-assign]
    sys.argv[1:] = command
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
