"""`matinee backup`: a whole installation into a folder, while it runs; manifest.py says what lies there.

Main path: tables, then topics, then objects, so that whatever a row names is in -> the manifest, which makes it a backup.
What is written meanwhile may be in or not; rows of one partition may be a moment apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from cluster.durable import Objects, open_objects
from cluster.errors import AlreadyRunning, BackupNotFound, Misconfigured, ObjectNotFound
from cluster.events import TOPICS, Topic
from cluster.ids import new_id
from cluster.launch.instance import unwritable
from cluster.launch.moving import entries, manifest, objects, rows
from cluster.launch.moving.counting import Count, Counted, line_of
from cluster.launch.moving.installation import Installation, opened, require_made
from cluster.launch.moving.lines import Written, events_file, rows_file
from cluster.launch.moving.manifest import FILES, FORMAT, OBJECTS, Kept, Manifest
from cluster.launch.moving.pacing import together
from cluster.launch.moving.rows import Clock, Readable
from cluster.launch.moving.telling import Telling
from cluster.settings import Settings

_UNFINISHED: Final = "unfinished"
_LOCK: Final = "backup.lock"


class Report(msgspec.Struct, frozen=True):
    """What a backup came to."""

    folder: str
    began_at: str
    tables: dict[str, Counted]
    topics: dict[str, Counted]
    objects: int
    objects_written: int
    """Those that the backup before did not have."""
    bytes: int
    seconds: float


async def backup(folder: Path, settings: Settings, telling: Telling, *, media: bool = True) -> Report:
    """Make `folder` a backup of the installation, instead of the one that it may have been until now; without media, of all but that.

    Raises:
        Misconfigured: the folder holds other things, or there is no installation.
        AlreadyRunning: another backup into this folder is being made.
        StorageFull, StoreUnavailable: it cannot be read or written; the backup before, if there is one, stays.
    """
    require_made(settings.store)
    with _held(folder), _disk_errors(folder):
        before = _before(folder)
        fresh = folder / _UNFINISHED
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            made, report = await _write(folder, fresh, before, settings, telling, media=media)
            fresh.rename(folder / made.name)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        manifest.write(folder, made)
        await _forget(folder, made)
        return report


async def _write(
    folder: Path, fresh: Path, before: Manifest | None, settings: Settings, telling: Telling, *, media: bool
) -> tuple[Manifest, Report]:
    began_s, began_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    fresh.mkdir(mode=0o700)
    async with opened(settings.store, settings.log, Clock(), to_read=True) as installation:
        await installation.require_rows()
        tables = {name: await _table(table, name, fresh, telling) for name, table in installation.tables.items()}
        topics = {topic.name: await _topic(installation, topic, fresh, telling) for topic in TOPICS}
    _files(settings, fresh, telling)
    files = {
        str(path.relative_to(fresh)): await asyncio.to_thread(manifest.kept_as, path) for path in sorted(fresh.rglob("*")) if path.is_file()
    }
    kept, written = dict[str, Kept](), 0
    if media:
        source, target = open_objects(settings.objects), open_objects(f"file:{folder / OBJECTS}")
        kept, written = await _objects(source, target, before.objects if before is not None else {}, telling)
    made = Manifest(FORMAT, new_id(), began_at, tables, topics, files, kept, media)
    size = sum(each.bytes for each in (*files.values(), *kept.values()))
    return made, Report(str(folder), began_at, tables, topics, len(kept), written, size, round(time.monotonic() - began_s, 3))


async def _table(table: Readable, name: str, fresh: Path, telling: Telling) -> Counted:
    count = Count()
    with Written(rows_file(fresh, name)) as file:
        async for page, _ in rows.pages(table):
            lines = [line_of(row) for row in page]
            await file.write(lines)
            for line in lines:
                count.add(line)
            telling.doing(f"{name}: {count.counted.entries:,} rows")
    if count.counted.entries:
        telling.done(f"{name}: {count.counted.entries:,} rows")
    return count.counted


async def _topic(installation: Installation, topic: Topic, fresh: Path, telling: Telling) -> Counted:
    assert installation.log is not None
    count = Count()
    for partition in range(topic.partitions):
        end = await installation.log.end(topic, partition)  # what comes later is the next backup's
        with Written(events_file(fresh, topic, partition)) as file:
            lines: list[bytes] = []
            async for event in entries.events(installation.log, topic, partition, until=end):
                lines.append(line_of(event))
                count.add(lines[-1])
                if len(lines) == entries.PAGE:
                    await file.write(lines)
                    telling.doing(f"{topic.name}: {count.counted.entries:,} events")
                    lines = []
            await file.write(lines)
    if count.counted.entries:
        telling.done(f"{topic.name}: {count.counted.entries:,} events")
    return count.counted


def _files(settings: Settings, fresh: Path, telling: Telling) -> None:
    folder = fresh / "data"
    folder.mkdir(mode=0o700)
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(settings.data / name, folder / name)
            (folder / name).chmod(0o600)
    if settings.secret is not None:
        telling.done("MATINEE_SECRET comes from the environment and is not in the backup: without it nobody could sign in")


async def _objects(source: Objects, target: Objects, before: dict[str, Kept], telling: Telling) -> tuple[dict[str, Kept], int]:
    wanted, there = await objects.sizes(source), await objects.sizes(target)
    kept: dict[str, Kept] = {}
    written = 0

    async def one(name: str, size: int) -> None:
        nonlocal written
        if there.get(name) == size:
            # One that is not in the manifest before was left by a backup that was broken off.
            kept[name] = before[name] if name in before and before[name].bytes == size else await manifest.object_as(target, name)
        else:
            with contextlib.suppress(ObjectNotFound):  # it was collected meanwhile: nothing named it any more
                kept[name] = await objects.move(source, target, name)
                written += 1
        telling.doing(f"objects: {len(kept):,} of {len(wanted):,}")

    await together((partial(one, name, size) for name, size in sorted(wanted.items())), objects.AT_ONCE)
    telling.done(f"objects: {len(kept):,}, of which {written:,} are new")
    return kept, written


async def _forget(folder: Path, made: Manifest) -> None:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in {made.name, OBJECTS}:  # the one before, and one that was killed at its last step
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
    if not made.media:
        return
    target = open_objects(f"file:{folder / OBJECTS}")
    superfluous = [name for name in await objects.sizes(target) if name not in made.objects]
    for some in range(0, len(superfluous), objects.PAGE):
        await objects.remove(target, superfluous[some : some + objects.PAGE])


def _before(folder: Path) -> Manifest | None:
    try:
        return manifest.read(folder)
    except BackupNotFound:
        return None


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Make the folder if it is missing, and keep others from writing a backup into it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _LOCK).exists():
            raise Misconfigured(f"{folder} holds other things than a backup: name a folder that is empty, or is not there yet")
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AlreadyRunning(f"Another backup into {folder} is being made") from error
    finally:
        os.close(lock)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from error
