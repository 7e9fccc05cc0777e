"""Finds the Java that runs the servers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cluster.errors import Misconfigured

LEAST: Final = 17
_HOW: Final = f"Kafka and Cassandra need Java {LEAST} or newer: install one (Debian: apt-get install openjdk-17-jre-headless)"
_VERSION: Final = re.compile(r'version "(\d+)(?:\.(\d+))?')


def find_java() -> Path:
    """Return the `java` on PATH.

    Raises:
        Misconfigured: there is none, it does not run, or it is too old.
    """
    found = shutil.which("java")
    if found is None:
        raise Misconfigured(f"There is no `java` on PATH. {_HOW}")
    try:
        done = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Misconfigured(f"{found} does not run: {error}. {_HOW}") from error
    version = major(done.stderr + done.stdout)
    if version is None:
        raise Misconfigured(f"{found} does not say its version. {_HOW}")
    if version < LEAST:
        raise Misconfigured(f"{found} is Java {version}. {_HOW}")
    return Path(found)


def major(told: str) -> int | None:
    """Return the major version in what `java -version` tells; 8 and older call themselves 1.8."""
    found = _VERSION.search(told)
    if found is None:
        return None
    first, second = int(found[1]), int(found[2] or 0)
    return second if first == 1 else first
