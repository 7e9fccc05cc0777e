"""The command `matinee`: one file a group of commands; here is only what all share.

Main path: `main` -> `run` -> a command -> exit code. An error of ours is one line on stderr: 2 for a wrong setting, 1 for anything else.
"""

from __future__ import annotations

import os
import sys
from typing import Final, NoReturn

import typer

from cluster.errors import MatineeError, Misconfigured
from cluster.launch import down, edge, migrations, model_life, replay, scale, status, up
from cluster.launch.ingest import command as ingest
from cluster.launch.moving import command as moving
from cluster.launch.servers import command as servers
from cluster.launch.training import command as training
from cluster.leaving import leave

app: Final = typer.Typer(
    help="Matinee: a streaming service that you run yourself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Settings come from the environment (MATINEE_PORT, …). Everything is kept under MATINEE_DATA, by default ./matinee-data.",
)
for group in (up, status, ingest, scale, edge, servers, migrations, moving, replay, training, model_life, down):
    group.register(app)


def main() -> NoReturn:
    """Run the command line, and end this process."""
    leave(run())


def run() -> int:
    """Run the command line; returns the exit code."""
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except MatineeError as error:
        print(f"matinee: {error.detail}", file=sys.stderr)
        return 2 if isinstance(error, Misconfigured) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has left (head, less): nobody to complain to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    main()
