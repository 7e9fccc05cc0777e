"""How a program of ours ends: with its exit code, whatever threads of libraries still do."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Do what is to be done at the exit, and end without taking the interpreter apart.

    A thread of obstore that comes back to Python while that happens ends the process with SIGABRT instead of its code: Python 3.11
    unwinds it, which Rust does not let happen. One in eight did, of those that ended right after a list of objects.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads, or it is closed
            stream.flush()
    os._exit(code)
