"""A studio in this process: real SQLite and file objects under tmp_path, a gate of two accounts, a catalogue in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx

from cluster.errors import PlayableNotFound, TokenInvalid
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.catalog.schemas import ArtworkImage, Media, Playable
from serve_apps.http import served
from serve_apps.studio.routes import PREFIX, create_api, streams
from serve_apps.studio.service import Studio

TUS = {"Tus-Resumable": "1.0.0"}
OPERATOR = {"Authorization": "Bearer operator"}
MEMBER = {"Authorization": "Bearer member"}


class TestGate:
    """Knows two tokens."""

    __test__ = False

    async def admit(self, token: str) -> Claims:
        if token == "operator":
            return Claims("account-o", "device-o", ("member", "operator"), 2e9)
        if token == "member":
            return Claims("account-m", "device-m", ("member",), 2e9)
        raise TokenInvalid


class MemoryCatalog:
    """A catalogue of playables that remembers what was attached, the newest version winning."""

    def __init__(self, *playable_ids: str) -> None:
        self.media: dict[str, Media | None] = dict.fromkeys(playable_ids)
        self.artwork: dict[str, list[ArtworkImage]] = {}
        self.shown: set[str] = set()
        self.attached: list[tuple[str, str]] = []

    async def playable(self, playable_id: str) -> Playable:
        if playable_id not in self.media:
            raise PlayableNotFound
        media = self.media[playable_id]
        return Playable(playable_id=playable_id, title_id=playable_id, kind="film", name="A film", maturity=0, published=False, media=media)

    async def live_version(self, playable_id: str) -> str | None:
        media = self.media.get(playable_id)
        return media.version_id if media else None

    async def attach_media(self, playable_id: str, media: Media, artwork_candidates: list[ArtworkImage]) -> None:
        if playable_id not in self.media:
            raise PlayableNotFound
        self.attached.append((playable_id, media.version_id))
        live = self.media[playable_id]
        if live is None or live.version_id < media.version_id:
            self.media[playable_id] = media
        self.artwork[playable_id] = artwork_candidates

    async def unused_artwork(self, object_names: list[str]) -> list[str]:
        return [name for name in object_names if name not in self.shown]


class Clock:
    """A clock that a test moves."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.value_s = now_s

    def __call__(self) -> float:
        return self.value_s


def settings_at(path: Path, **overrides: Any) -> Settings:
    return Settings(data=path, secret="0123456789abcdef", **overrides)


@contextlib.asynccontextmanager
async def open_studio(
    path: Path, *, catalog: MemoryCatalog | None = None, now_s: Callable[[], float] | None = None, **overrides: Any
) -> AsyncIterator[tuple[httpx.AsyncClient, Studio]]:
    settings = settings_at(path, **overrides)
    extra = {"now_s": now_s} if now_s else {}
    studio = Studio(settings, catalog or MemoryCatalog("film"), **extra)
    await studio.open()
    app = served(create_api(studio, TestGate(), settings), PREFIX, streams=streams)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{PREFIX}", headers=OPERATOR, timeout=30) as client:
        try:
            yield client, studio
        finally:
            await studio.close()


async def upload(client: httpx.AsyncClient, data: bytes, filename: str = "film.mp4") -> str:
    """Upload in one request; returns the id."""
    import base64

    name = base64.b64encode(filename.encode()).decode()
    headers = TUS | {
        "Upload-Length": str(len(data)),
        "Upload-Metadata": f"filename {name}",
        "Content-Type": "application/offset+octet-stream",
    }
    answer = await client.post("/uploads", headers=headers, content=data)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


async def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Wait for a condition (a plain or an async function) to hold; returns what it returned."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return result
            await asyncio.sleep(0.02)


def files_under(path: Path) -> list[str]:
    """Return the files under a folder, also while others remove some."""
    walked = os.walk(path)  # it passes over folders that vanish meanwhile, as rglob does not
    return sorted(str(Path(folder, name).relative_to(path)) for folder, _, names in walked for name in names)
