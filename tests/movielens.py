"""MovieLens 100K, for tests and benchmarks: it may be used for research, not handed on, so it is fetched and no part of Matinee.

It lies in the wheel of `recbole` on the Python package index, and is kept between runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matinee-tests" / "ml-100k"
WHEEL: Final = "recbole==1.2.1"
SHA256: Final = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}


class NotFetched(Exception):
    """The package index does not answer, or gave something else."""


def ml_100k() -> Path:
    """Return a folder with `ml-100k.inter` and `ml-100k.item`, fetched if they aren't there."""
    if all((CACHE / name).is_file() for name in SHA256):
        return CACHE
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        done = subprocess.run([*_installer(), "--target", folder, WHEEL], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotFetched(f"{WHEEL} could not be fetched (needed once; is there a network?): {done.stderr.strip()[-300:]}")
        part = Path(folder, "part")
        part.mkdir()
        for name, digest in SHA256.items():
            content = Path(folder, "recbole", "dataset_example", "ml-100k", name).read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise NotFetched(f"{name} in {WHEEL} is not the one that was measured")
            (part / name).write_bytes(content)
        shutil.rmtree(CACHE, ignore_errors=True)
        part.rename(CACHE)
    return CACHE


def _installer() -> list[str]:
    uv = os.environ.get("UV") or shutil.which("uv")
    start = [uv, "pip", "install", "--quiet"] if uv else [sys.executable, "-m", "pip", "install", "--quiet"]
    return [*start, "--no-deps"]
