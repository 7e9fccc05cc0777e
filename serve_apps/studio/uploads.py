"""Resumable uploads: immutable part objects, and a head row whose offset decides by compare-and-set.

Main path: append -> collect up to PART_BYTES -> part object -> one batch (head's offset, part's row).
No lock: whoever moves the offset wins, a loser's part is garbage. What was flushed before a connection broke stays.
Knows nothing of HTTP or jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec

from cluster.durable import Change, Insert, Row, Store, Update
from cluster.errors import (
    CorruptData,
    DeadlineExceeded,
    Indeterminate,
    MatineeError,
    StorageFull,
    TooLarge,
    UploadNotFound,
    UploadOffsetMismatch,
    VersionConflict,
)
from cluster.ids import new_id
from serve_apps.studio.blobs import Blobs, disk_errors

PART_BYTES: Final = 8 << 20
PARTS_LIMIT: Final = 200_000
FLUSH_AFTER_S: Final = 5.0
"""A slow connection loses at most this much time."""
BUSY_S: Final = 600.0
"""An upload that was touched since then is at work, however soon others are collected."""
SILENCE_S: Final = 30.0
"""A connection that sends nothing for so long is given up; the client goes on from the offset."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as its head row holds it."""

    upload_id: str
    account_id: str
    length: int
    offset: int = 0
    parts: int = 0
    metadata: dict[str, str] = {}
    ended: bool = False
    """It is being removed: nothing may be added or read."""
    created_at_s: float
    touched_at_s: float

    @property
    def complete(self) -> bool:
        """Whether all bytes are here."""
        return self.offset == self.length


class Uploads:
    """Uploads in one store and one object store; any number of processes may hold them open."""

    def __init__(self, store: Store, lists: Store, blobs: Blobs, now_s: Callable[[], float] = time.time) -> None:
        self._store, self._lists, self._blobs, self._now_s = store, lists, blobs, now_s

    async def create(self, account_id: str, length: int, metadata: dict[str, str]) -> Upload:
        """Begin an upload of `length` bytes."""
        now_s = self._now_s()
        upload = Upload(upload_id=new_id(), account_id=account_id, length=length, metadata=metadata, created_at_s=now_s, touched_at_s=now_s)
        await self._lists.put([Row("uploads", upload.upload_id, 1, "upload", {"created_at_s": now_s})])
        await self._store.put_if_absent(upload.upload_id, "head", "upload", msgspec.to_builtins(upload))
        return upload

    async def get(self, upload_id: str) -> Upload:
        """Return the upload.

        Raises:
            UploadNotFound: there is none, or it is being removed.
        """
        return (await self._head(upload_id))[1]

    async def append(self, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        """Add the bytes of `body` at `offset`; they are durable when this returns, and flushed piece by piece before.

        Raises:
            UploadOffsetMismatch: the upload continues elsewhere; carries `offset`.
            TooLarge: more bytes than announced; those announced were kept.
            DeadlineExceeded: the body fell silent; what came was kept.
            StorageFull: no space; what was flushed before was kept.
        """
        row, upload = await self._head(upload_id)
        if upload.offset != offset:
            raise _mismatch(upload)
        writer = _Writer(self, row, upload, self._now_s)
        try:
            await self._receive(writer, body)
        except MatineeError as error:
            if isinstance(error, TooLarge | DeadlineExceeded):
                await writer.flush()
            raise
        except BaseException:
            # The connection broke, or the server is stopping: what came is kept.
            with contextlib.suppress(MatineeError):
                await asyncio.shield(asyncio.create_task(writer.flush()))
            raise
        await writer.flush()
        return writer.upload

    async def _receive(self, writer: _Writer, body: AsyncIterator[bytes]) -> None:
        pieces = aiter(body)
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    piece = await anext(pieces, None)
            except TimeoutError as error:
                raise DeadlineExceeded(f"Nothing came for {SILENCE_S:g} s", retry_after_s=1) from error
            if piece is None:
                return
            await writer.add(piece)

    async def write_part(self, row: Row, upload: Upload, data: bytes) -> tuple[Row, Upload]:
        """Make `data` the upload's next part, unless its head was moved meanwhile."""
        if upload.parts >= PARTS_LIMIT:
            raise TooLarge("The upload came in too many pieces")
        name = f"uploads/{upload.upload_id}/{upload.offset:015d}-{new_id()}"
        await self._blobs.put(name, data)
        after = msgspec.structs.replace(upload, offset=upload.offset + len(data), parts=upload.parts + 1, touched_at_s=self._now_s())
        changes: list[Change] = [
            Update("head", "upload", msgspec.to_builtins(after), row.version),
            Insert(_part_sort(upload.offset), "part", {"object": name, "bytes": len(data)}),
        ]
        try:
            await self._store.batch(upload.upload_id, changes)
        except VersionConflict as error:
            with contextlib.suppress(MatineeError):
                await self._blobs.remove([name])  # else it goes with the upload
            raise _mismatch((await self._head(upload.upload_id))[1]) from error
        except Indeterminate:
            part = await self._store.get(upload.upload_id, _part_sort(upload.offset))
            if part is None or part.value["object"] != name:
                raise
            now = await self._head(upload.upload_id)
            if now[1].offset != after.offset:
                raise _mismatch(now[1]) from None
            return now
        return msgspec.structs.replace(row, version=row.version + 1), after

    async def download(self, upload_id: str, path: Path) -> None:
        """Write a complete upload's bytes to a new file.

        Raises:
            UploadNotFound: it is gone, or not complete.
            CorruptData: parts are missing.
            StorageFull: no space for the file.
        """
        upload = await self.get(upload_id)
        if not upload.complete:
            raise UploadNotFound(f"The upload is not complete: {upload.offset} of {upload.length} bytes")
        offset = 0
        with disk_errors():
            file = path.open("wb")
        with file:
            async for part in self._parts(upload_id):
                if part.sort != _part_sort(offset) or await self._blobs.copy_into(part.value["object"], file) != part.value["bytes"]:
                    raise CorruptData(f"Upload {upload_id} is damaged at {offset}")
                offset += part.value["bytes"]
            with disk_errors():
                file.flush()
        if offset != upload.length:
            raise CorruptData(f"Upload {upload_id} ends at {offset} instead of {upload.length}")

    async def touch(self, upload_id: str) -> Upload:
        """Say that an upload is about to be used, and return it: whoever judged it idle before leaves it alone.

        Raises:
            UploadNotFound: there is none, or it is being removed.
        """
        while True:
            row, upload = await self._head(upload_id)
            touched = msgspec.structs.replace(upload, touched_at_s=self._now_s())
            with contextlib.suppress(VersionConflict):
                await self._store.compare_and_set(row, msgspec.to_builtins(touched))
                return touched

    async def remove(self, upload_id: str, judged: Upload | None = None) -> int:
        """Remove an upload and everything that ever came for it; returns the bytes given back. Repeating it does nothing.

        One that was touched since it was `judged` stays.
        """
        given_back = 0
        try:
            row = await self._end(upload_id, judged)
        except StorageFull:
            # Even to say that it ends takes space, which only its bytes can give.
            given_back = await self._blobs.remove_under(f"uploads/{upload_id}")
            row = await self._end(upload_id, judged)
        if row is not None and not row.value["ended"]:
            return given_back
        given_back += await self._blobs.remove_under(f"uploads/{upload_id}")
        async for part in self._parts(upload_id):
            with contextlib.suppress(VersionConflict):
                await self._store.delete(part)
        if row is not None:
            with contextlib.suppress(VersionConflict):
                await self._store.delete(row)
        await self._lists.remove("uploads", upload_id, 2)
        return given_back

    async def _end(self, upload_id: str, judged: Upload | None) -> Row | None:
        while (row := await self._store.get(upload_id, "head")) is not None and not row.value["ended"]:
            if judged is not None and row.value["touched_at_s"] != judged.touched_at_s:
                break
            with contextlib.suppress(VersionConflict):
                await self._store.compare_and_set(row, {**row.value, "ended": True})
        return row

    async def listed(self) -> AsyncIterator[str]:
        """Yield the ids of all uploads, those being removed too."""
        after: str | None = None
        while rows := await self._lists.scan("uploads", after=after, limit=500):
            for row in rows:
                yield row.sort
            after = rows[-1].sort

    async def find(self, upload_id: str) -> Upload | None:
        """Return the upload even if it is being removed; None if nothing but its place in the list is left."""
        row = await self._store.get(upload_id, "head")
        return msgspec.convert(row.value, Upload) if row else None

    async def _head(self, upload_id: str) -> tuple[Row, Upload]:
        row = await self._store.get(upload_id, "head")
        if row is None or row.value["ended"]:
            raise UploadNotFound
        return row, msgspec.convert(row.value, Upload)

    async def _parts(self, upload_id: str) -> AsyncIterator[Row]:
        after: str | None = None
        while rows := await self._store.scan(upload_id, "part/", after=after, limit=500):
            for row in rows:
                yield row
            after = rows[-1].sort


class _Writer:
    """Collects the bytes of one request into parts; holds at most PART_BYTES and one piece more."""

    def __init__(self, uploads: Uploads, row: Row, upload: Upload, now_s: Callable[[], float]) -> None:
        self._uploads, self._row, self.upload, self._now_s = uploads, row, upload, now_s
        self._buffer = bytearray()
        self._flushed_at_s = now_s()

    async def add(self, piece: bytes) -> None:
        room = self.upload.length - self.upload.offset - len(self._buffer)
        self._buffer += piece[:room] if len(piece) > room else piece
        while len(self._buffer) >= PART_BYTES:
            await self._flush(PART_BYTES)
        if self._now_s() - self._flushed_at_s > FLUSH_AFTER_S:
            await self.flush()
        if len(piece) > room:
            raise TooLarge(f"More than the {self.upload.length} bytes announced", limit_bytes=self.upload.length)

    async def flush(self) -> None:
        while self._buffer:
            await self._flush(PART_BYTES)

    async def _flush(self, size: int) -> None:
        data = bytes(memoryview(self._buffer)[:size])
        self._row, self.upload = await self._uploads.write_part(self._row, self.upload, data)
        # Only now: a flush that was broken off is tried again with the same bytes, never with those that follow.
        del self._buffer[: len(data)]
        self._flushed_at_s = self._now_s()


def _part_sort(offset: int) -> str:
    return f"part/{offset:015d}"


def _mismatch(upload: Upload) -> UploadOffsetMismatch:
    return UploadOffsetMismatch(f"The upload continues at {upload.offset}", offset=upload.offset)
