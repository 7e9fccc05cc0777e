"""`matinee restore`: an installation from a backup, into a store, a log, a store of objects and a folder of data that are empty.

Main path: the backup is whole -> nothing is there -> files, objects, tables, topics -> both ends are compared. One that was broken off
goes on when it is run again; until then `up` refuses to start.
"""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path

import msgspec

from cluster.durable import open_objects
from cluster.errors import BackupDamaged, Misconfigured, TargetNotEmpty
from cluster.events import TOPICS
from cluster.launch.instance import unwritable
from cluster.launch.moving import manifest, objects
from cluster.launch.moving.installation import opened
from cluster.launch.moving.lines import StoredLog, StoredTable, rows_file
from cluster.launch.moving.manifest import OBJECTS, Manifest
from cluster.launch.moving.pacing import together
from cluster.launch.moving.progress import Progress, restore_file
from cluster.launch.moving.rows import Clock
from cluster.launch.moving.telling import Telling
from cluster.launch.moving.transfer import Report, Source, begin, transfer
from cluster.launch.tables import MOVED
from cluster.settings import Settings


class Restored(msgspec.Struct, frozen=True):
    """What a restore came to."""

    began_at: str
    """When the backup was made."""
    objects: int
    moved: Report


async def checked(folder: Path, telling: Telling) -> Manifest:
    """Return the manifest of a backup that is whole, and that this Matinee can restore.

    Raises:
        BackupNotFound, BackupDamaged: it isn't there, or not whole.
        Misconfigured: a newer Matinee wrote it.
    """
    found = manifest.read(folder)
    unknown = {*found.tables} - {table.name for table in MOVED} | {*found.topics} - {topic.name for topic in TOPICS}
    if unknown:
        raise Misconfigured(f"{folder} was written by a newer Matinee, which has {', '.join(sorted(unknown))}: update Matinee")
    if found.objects and not (folder / OBJECTS).is_dir():
        raise BackupDamaged(f"{folder / OBJECTS} is missing")
    await manifest.verify(folder, found, open_objects(f"file:{folder / OBJECTS}"), telling)
    return found


async def restore(folder: Path, found: Manifest, settings: Settings, telling: Telling) -> Restored:
    """Restore a backup that was `checked`; going on, if it was begun before.

    Raises:
        TargetNotEmpty: there is something that this restore has not written.
        StorageFull, StoreUnavailable: it cannot be written; run it again when it can.
    """
    kept, clock = folder / found.name, Clock()
    source = Source({table.name: StoredTable(rows_file(kept, table.name), clock) for table in MOVED}, StoredLog(kept))
    target = open_objects(settings.objects)
    there = await objects.sizes(target)
    _require_none_else(found, kept, settings, there)
    progress = Progress.of(restore_file(settings.data), found.name, settings.store, settings.log)
    async with opened(settings.store, settings.log, clock) as installation:
        resumed = await begin(progress, installation, telling)
        _put_files(kept, settings.data)
        if found.media:
            await _put_objects(folder, found, settings.objects, there, telling)
        report = await transfer(source, installation, progress, clock, telling, resumed=resumed)
    return Restored(found.began_at, len(found.objects), report)


def _require_none_else(found: Manifest, kept: Path, settings: Settings, there: dict[str, int]) -> None:
    for name in manifest.FILES:
        path = settings.data / name
        if path.exists() and not ((kept / "data" / name).exists() and (kept / "data" / name).read_bytes() == path.read_bytes()):
            raise TargetNotEmpty(f"{path} is another installation's: name an empty MATINEE_DATA")
    for name, size in there.items() if found.media else ():
        if name not in found.objects or found.objects[name].bytes != size:
            raise TargetNotEmpty(f"MATINEE_OBJECTS holds another installation's objects already ({name}): name an empty one")


def _put_files(kept: Path, data: Path) -> None:
    try:
        for path in sorted((kept / "data").iterdir()) if (kept / "data").is_dir() else ():
            if path.name in manifest.FILES and not (data / path.name).exists():
                fresh = data / f"{path.name}.new"
                shutil.copyfile(path, fresh)
                fresh.chmod(0o600)
                fresh.replace(data / path.name)
    except OSError as error:
        raise unwritable(data, error) from error


async def _put_objects(folder: Path, found: Manifest, url: str, there: dict[str, int], telling: Telling) -> None:
    source, target = open_objects(f"file:{folder / OBJECTS}"), open_objects(url)
    missing = [name for name in sorted(found.objects) if name not in there]
    done = len(there)

    async def one(name: str) -> None:
        nonlocal done
        written = await objects.move(source, target, name)
        if written != found.objects[name]:
            with contextlib.suppress(Exception):
                await objects.remove(target, [name])
            raise BackupDamaged(f"{folder / OBJECTS / name} is damaged: it has changed since it was checked")
        done += 1
        telling.doing(f"objects: {done:,} of {len(found.objects):,}")

    await together((partial(one, name) for name in missing), objects.AT_ONCE)
    telling.done(f"objects: {done:,}")
