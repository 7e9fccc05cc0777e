"""A program ends with its code, whatever threads still do."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, threading
threading.Thread(target=threading.Event().wait).start()
atexit.register(print, "done at the exit")
sys.argv = ["matinee", *sys.argv[1:]]
print("begun", end=" ")
from cluster.launch.cli import main
main()
"""


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["scale", "--nonsense"], 2)])
def test_a_command_ends_with_its_code_and_all_that_it_said_though_a_thread_works_on(arguments: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert done.stdout.startswith("begun")
    assert done.stdout.endswith("done at the exit\n")
