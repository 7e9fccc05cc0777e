"""Fetches the jars of a program from Maven Central, with no Maven on the machine.

Main path: `fetch` -> jgo resolves one coordinate at a time -> jars land in Maven's local repository -> a folder of links to them.
A folder is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from cluster.errors import ServiceUnavailable
from cluster.launch.instance import unwritable

if TYPE_CHECKING:
    from jgo.maven import Artifact

AT_ONCE: Final = 6

Tell = Callable[[str], None]
"""Takes what the work is at, for people."""


def fetch(name: str, coordinates: Sequence[str], folder: Path, tell: Tell = lambda _: None) -> Path:
    """Return the folder below `folder` that holds all jars of the coordinates, fetched if it isn't there.

    Raises:
        ServiceUnavailable: Maven Central does not answer, or gives what is no jar.
        StoreUnavailable, StorageFull: the folder cannot be written.
    """
    # Each coordinate by itself: in one resolution the versions that one manages would hold for the other.
    target = folder / coordinates[0].replace(":", "-")
    if target.is_dir():
        return target
    tell(f"asking Maven Central for {name}")
    with _network_errors(name):
        artifacts = [artifact for coordinate in coordinates for artifact in _resolve(coordinate)]
        jars = _download(name, artifacts, tell)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=folder))
        for jar in jars:
            _link(jar, part / jar.name)
        try:
            part.rename(target)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            if not target.is_dir():  # else somebody else was quicker
                raise
    except OSError as error:
        raise unwritable(folder, error) from error
    return target


def _resolve(coordinate: str) -> list[Artifact]:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver
    from jgo.parse import Coordinate

    class WholeFiles(PythonResolver):
        """Leaves nothing in the local repository of a download that was broken off."""

        def download(self, artifact: Artifact) -> Path | None:
            try:
                return super().download(artifact)
            except BaseException:
                if artifact.cached_path is not None:
                    artifact.cached_path.unlink(missing_ok=True)
                raise

    context = MavenContext(
        resolver=WholeFiles(), repo_cache=GlobalSettings.load().repo_cache, remote_repos={"central": MAVEN_CENTRAL_URL}, timeout=30
    )
    group, artifact, version = coordinate.split(":")
    wanted = context.create_dependency(Coordinate(groupId=group, artifactId=artifact, version=version, scope="compile"))
    itself, others = context.resolver.resolve([wanted])
    return [found.artifact for found in (*itself, *(other for other in others if other.scope in {"compile", "runtime"}))]


def _download(name: str, artifacts: Sequence[Artifact], tell: Tell) -> list[Path]:
    by_name = {artifact.filename: artifact for artifact in artifacts}  # the coordinates may share some
    jars: list[Path] = []
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars")
    try:
        for jar in pool.map(_jar, by_name.values()):
            jars.append(jar)
            tell(f"fetching {name}: {len(jars)} of {len(by_name)} jars")
    finally:
        pool.shutdown(cancel_futures=True)
    return jars


def _jar(artifact: Artifact) -> Path:
    path = Path(artifact.resolve())
    if not zipfile.is_zipfile(path):  # cut off by whoever wrote it: a process that was killed, a full disk
        path.unlink()
        path = Path(artifact.resolve())
    if not zipfile.is_zipfile(path):
        path.unlink()
        raise RuntimeError(f"{artifact.filename} is no jar")
    return path


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


@contextlib.contextmanager
def _network_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ParseError, AssertionError) as error:
        # What a failed request says of itself is a page of its library's structures.
        why = (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error).partition("\n")[0]
        raise ServiceUnavailable(f"{name} could not be fetched from Maven Central (needed once; is there a network?): {why}") from error
