"""The pictures of titles in the object store, under the names of their contents: those that operators send, and those that they choose.

Main path: `keep` bytes, or `choose` an object -> the picture and narrower copies, stored -> what a title's record says of them.
Knows no titles; pictures that none shows are collected by the studio once they are old.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import PurePosixPath

import obstore

from cluster.durable import Objects
from cluster.durable.objects import object_errors
from cluster.errors import ImageRefused
from serve_apps.catalog.pictures import PICTURE_LIMIT_BYTES, Picture, cut_picture, read_picture
from serve_apps.catalog.schemas import ArtworkImage, ArtworkKind


class Gallery:
    """Writes artwork; the object store stays its opener's."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, data: bytes, kind: ArtworkKind) -> list[ArtworkImage]:
        """Store a picture and its narrower copies.

        Raises:
            ImageRefused: it cannot be shown.
            StorageFull: there is no space.
        """
        return await self._stored(await asyncio.to_thread(read_picture, data, kind), kind)

    async def choose(self, object_name: str, kind: ArtworkKind) -> list[ArtworkImage]:
        """Take a picture that is stored already, a candidate of the studio's or another title's, cut to the kind's shape.

        Raises:
            ObjectNotFound: there is none of this name.
            ImageRefused: it is no picture of ours.
            StorageFull: there is no space.
        """
        path = PurePosixPath(object_name)
        with object_errors(object_name):
            found = await obstore.get_async(self._objects, object_name)
            if found.meta["size"] > PICTURE_LIMIT_BYTES:
                raise ImageRefused(f"A picture has at most {PICTURE_LIMIT_BYTES} bytes")
            data = bytes(await found.bytes_async())
        if hashlib.sha256(data).hexdigest() != path.stem:
            raise ImageRefused("This object is not what its name says")
        # What is chosen is written again as well: what is new is not collected, so it stays until the title says that it shows it.
        return await self._stored(await asyncio.to_thread(cut_picture, data, path.suffix.removeprefix("."), kind), kind)

    async def _stored(self, pictures: Iterable[Picture], kind: ArtworkKind) -> list[ArtworkImage]:
        kept = []
        for picture in pictures:
            with object_errors(picture.object_name):
                await obstore.put_async(self._objects, picture.object_name, picture.data)
            kept.append(ArtworkImage(kind=kind, object_name=picture.object_name, width=picture.width, height=picture.height))
        return kept
