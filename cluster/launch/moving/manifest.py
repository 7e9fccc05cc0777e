"""The manifest of a backup: what is in it, and by what it is known to be whole. A folder is a backup once it has one.

    manifest.json                       this
    <name>/tables/<table>.jsonl.gz      a row a line (lines.py)
    <name>/topics/<topic>/<partition>.jsonl.gz
    <name>/data/<file>                  the secret and the operator's files, as they lie under MATINEE_DATA
    objects/<name>                      every object, as it is named in the store of objects

`<name>` is the backup's own. The next backup into the same folder has another, and takes the manifest over as its last step: until
then the one before is whole. Objects never change, so only new ones are written.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import obstore

from cluster.durable import Objects, object_errors
from cluster.errors import BackupDamaged, BackupNotFound, Misconfigured, ObjectNotFound
from cluster.launch.moving.counting import Counted
from cluster.launch.moving.pacing import together
from cluster.launch.moving.telling import Telling

FORMAT: Final = 1
"""Counts what an older Matinee could not restore; additions that it may pass over don't count."""
OBJECTS: Final = "objects"
FILES: Final = ("secret", "operator-password", "operator-noted")
"""What of MATINEE_DATA belongs to the installation, and is neither made anew nor kept elsewhere."""
READS_AT_ONCE: Final = 4
_NAME: Final = "manifest.json"
_PIECE_BYTES: Final = 1 << 20


class Kept(msgspec.Struct, frozen=True):
    """A file or an object as it was written."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds."""

    format: int
    name: str
    began_at: str
    """When, as RFC 3339 says it; everything acknowledged before is in."""
    tables: dict[str, Counted]
    topics: dict[str, Counted]
    files: dict[str, Kept]
    """By their paths below <name>/."""
    objects: dict[str, Kept]
    media: bool = True
    """Whether objects were backed up at all."""


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises:
        BackupNotFound: the folder is none, or has no finished backup.
        BackupDamaged: it cannot be read.
        Misconfigured: a newer Matinee wrote it.
    """
    path = folder / _NAME
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        found = "holds no backup that was finished" if folder.is_dir() else "is no folder"
        raise BackupNotFound(f"{folder} {found}") from error
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror}") from error
    try:
        found_format = msgspec.json.decode(raw, type=_Format).format
        if found_format > FORMAT:
            raise Misconfigured(f"{folder} was written by a newer Matinee (format {found_format}; this one knows {FORMAT}): update Matinee")
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupDamaged(f"{path} is damaged: {error}") from error
    for name in (manifest.name, *manifest.files):
        if Path(name).is_absolute() or ".." in Path(name).parts or not name:
            raise BackupDamaged(f"{path} is damaged: it names the file {name!r}")
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Make the folder this backup, in one step."""
    fresh = folder / f"{_NAME}.new"
    with fresh.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / _NAME)


async def verify(folder: Path, manifest: Manifest, objects: Objects, telling: Telling) -> None:
    """Check every file and object of a backup against its manifest.

    Raises:
        BackupDamaged: one is missing, or another.
    """
    done, count = 0, len(manifest.files) + len(manifest.objects)

    async def file(name: str, kept: Kept) -> None:
        path = folder / manifest.name / name
        try:
            found = await asyncio.to_thread(kept_as, path)
        except OSError as error:
            raise BackupDamaged(f"{path} cannot be read: {error.strerror}") from error
        checked(str(path), kept, found)

    async def named(name: str, kept: Kept) -> None:
        try:
            found = await object_as(objects, name)
        except ObjectNotFound as error:
            raise BackupDamaged(f"{folder / OBJECTS / name} is missing") from error
        checked(str(folder / OBJECTS / name), kept, found)

    def checked(name: str, kept: Kept, found: Kept) -> None:
        nonlocal done
        if found != kept:
            how = f"has {found.bytes} bytes, not {kept.bytes}" if found.bytes != kept.bytes else "is not what was written"
            raise BackupDamaged(f"{name} is damaged: it {how}")
        done += 1
        telling.doing(f"checking the backup: {done:,} of {count:,} files")

    steps = [partial(file, name, kept) for name, kept in manifest.files.items()]
    await together([*steps, *(partial(named, name, kept) for name, kept in manifest.objects.items())], READS_AT_ONCE)
    telling.done(f"the backup of {manifest.began_at} is whole: {count:,} files")


def kept_as(path: Path) -> Kept:
    """Return what the manifest says of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Kept(file.tell(), digest.hexdigest())


async def object_as(objects: Objects, name: str) -> Kept:
    """Return what the manifest says of an object.

    Raises:
        ObjectNotFound: there is none.
        StoreUnavailable: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with object_errors(name):
        found = await obstore.get_async(objects, name)
        async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
            await asyncio.to_thread(digest.update, piece)
            size += len(piece)
    return Kept(size, digest.hexdigest())


class _Format(msgspec.Struct):
    format: int
