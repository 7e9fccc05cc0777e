"""Playback: who may watch what, from which edge, and where everybody stopped.

Main path: start -> catalogue (one hop) -> policy -> the account's session shard -> signed addresses and the place.
Knows nothing of how streams are kept (actors/sessions) or bytes delivered (cluster/edge).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from actors.sessions.client import Sessions
from actors.sessions.rows import read_place
from actors.sessions.stream import Beat, Start, Stop
from actors.sessions.stream import Place as KeptPlace
from actors.sessions.tables import GONE, PLACE, PLACES, place_sort
from cluster.durable import Row, Store, Table, open_store
from cluster.durable.store import SCAN_LIMIT
from cluster.edge.registry import EDGES, EdgeStatus, live_edges
from cluster.errors import ProfileNotFound, StreamLimitReached, Unavailable
from cluster.security.claims import Claims
from cluster.security.keys import LONGEST_TOKEN_S, MARGIN_S
from cluster.security.paths import PathSigner
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.idempotency import Idempotency
from serve_apps.playback import policy
from serve_apps.playback.playables import Playables
from serve_apps.playback.schemas import (
    Edge,
    Heartbeat,
    HeartbeatSaved,
    LiveStream,
    LiveStreams,
    Place,
    Places,
    Session,
)
from serve_apps.playback.tables import KEYS

log = structlog.get_logger()

PATH_SPARE_S: Final = 12 * 3600.0
"""Signed paths outlive the film by this much: a pause over night does not end it."""
EDGES_TRUSTED_S: Final = 2.0
PLACES_LIMIT: Final = 5000
"""The places of a profile that are looked at; beyond it the titles made first are left out."""


class Playback:
    """The service of playback."""

    idempotency: Idempotency

    def __init__(self, settings: Settings, catalog: CatalogClient, sessions: Sessions, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._sessions, self._now_s = settings, sessions, now_s
        self._playables = Playables(catalog, now_s)
        self._signer = PathSigner(settings.secret_bytes(), now_s)
        self._stores: list[Store] = []
        self._edges: list[EdgeStatus] = []
        self._edges_until_s = 0.0

    async def open(self) -> None:
        """Open the stores."""
        self._places = await self._opened(PLACES)
        self._edge_rows = await self._opened(EDGES)
        self.idempotency = Idempotency(await self._opened(KEYS), self._now_s)

    async def close(self) -> None:
        """Close the stores and let go of the shards."""
        await self._sessions.close()
        for store in self._stores:
            await store.close()

    async def check(self) -> None:
        """Nothing in a replica can go wrong for good."""

    async def start(self, viewer: Claims, playable_id: str, session_id: str) -> Session:
        """Start a session, or answer the one of this id again.

        Raises:
            PlayableNotFound, MaturityRefused, NotPlayable: see `policy.require_playable`.
            ProfileNotFound: it was deleted.
            StreamLimitReached: other devices use up the account's streams; carries those that live.
        """
        if await self._places.get(viewer.account_id, f"{GONE}{viewer.profile_id}") is not None:
            raise ProfileNotFound
        playable = await self._playables.playable(playable_id)
        media = policy.require_playable(playable, viewer)
        credits_s = playable.markers.credits.start_s if playable.markers and playable.markers.credits else None
        place = await self._place(viewer, playable_id)
        position_s = policy.resume_at_s(place, media.duration_s)
        lifetime_s = media.duration_s + PATH_SPARE_S
        start = Start(
            session_id=session_id,
            account_id=viewer.account_id,
            device_id=viewer.device_id,
            profile_id=viewer.profile_id or "",
            playable_id=playable_id,
            title_id=playable.title_id,
            kind=playable.kind,
            name=playable.name,
            maturity=playable.maturity,
            duration_s=media.duration_s,
            credits_s=credits_s,
            position_s=position_s,
            limit=viewer.streams,
            paths_expire_at_s=self._now_s() + lifetime_s,
        )
        try:
            admission = await self._sessions.start(start)
        except StreamLimitReached as error:
            streams = (await self.live(viewer)).items
            raise StreamLimitReached(limit=viewer.streams, streams=[stream.model_dump(mode="json") for stream in streams]) from error
        path = self._signer.sign(playable_id, media.version_id, session_id, lifetime_s)
        edges = [edge.url for edge in policy.ranked(await self._live_edges(), playable_id)] or [self._settings.own_edge_url]
        return Session(
            session_id=session_id,
            playable_id=playable_id,
            title_id=playable.title_id,
            hls_url=f"{edges[0]}{path}/master.m3u8",
            dash_url=f"{edges[0]}{path}/manifest.mpd",
            thumbnails_url=f"{edges[0]}{path}/thumbnails.vtt" if media.thumbnails else None,
            edges=[Edge(url=url) for url in edges],
            path=path,
            subtitles=media.subtitles,
            audio=media.audio,
            markers=playable.markers,
            duration_s=media.duration_s,
            position_s=position_s,
            next_playable_id=playable.next_playable_id,
            heartbeat_interval_s=self._settings.heartbeat_interval_s,
            lease_s=admission.lease_s,
        )

    async def heartbeat(self, viewer: Claims, session_id: str, beat: Heartbeat) -> HeartbeatSaved:
        """Keep a session alive and its place saved; returns once that is durable.

        Raises:
            SessionNotFound: it ended, or is not this device's and profile's.
        """
        saved = await self._sessions.beat(
            Beat(session_id, viewer.account_id, viewer.device_id, viewer.profile_id or "", beat.sequence, beat.position_s, beat.state)
        )
        return HeartbeatSaved(sequence=saved.sequence, lease_s=saved.lease_s)

    async def stop(self, viewer: Claims, session_id: str, position_s: float | None) -> None:
        """End a session of the account, this device's or another's.

        Raises:
            SessionNotFound: the account has none of this id, nor had it lately.
        """
        await self._sessions.stop(Stop(viewer.account_id, session_id, viewer.device_id, viewer.profile_id or "", position_s))

    async def live(self, viewer: Claims) -> LiveStreams:
        """Return the account's live streams; what this profile may not see is not named."""
        items = []
        for stream in await self._sessions.live(viewer.account_id):
            seen = policy.sees(viewer, stream.maturity, stream.profile_id)
            items.append(
                LiveStream(
                    session_id=stream.session_id,
                    device_id=stream.device_id,
                    this_device=stream.device_id == viewer.device_id,
                    profile_id=stream.profile_id,
                    playable_id=stream.playable_id if seen else None,
                    title_id=stream.title_id if seen else None,
                    name=stream.name if seen else None,
                    started_at=_time(stream.started_at_s),
                    position_s=stream.position_s,
                    state=stream.state,
                )
            )
        return LiveStreams(items=items, limit=viewer.streams)

    async def continue_watching(self, viewer: Claims, limit: int, cursor: str | None) -> Places:
        """Return what the profile left half-way, on whatever device, the latest first, one a title."""
        return _page(policy.to_continue(await self._all_places(viewer)), limit, cursor)

    async def history(self, viewer: Claims, limit: int, cursor: str | None) -> Places:
        """Return all that the profile watched, the latest first."""
        return _page(sorted(await self._all_places(viewer), key=policy.latest_first), limit, cursor)

    async def position(self, viewer: Claims, playable_id: str) -> Place:
        """Return where the profile is in a playable; at its start where it never was."""
        place = await self._place(viewer, playable_id)
        if place is not None:
            return _shown(place)
        return Place(playable_id=playable_id, title_id=None, position_s=0, duration_s=None, finished=False, updated_at=None)

    async def forget(self, viewer: Claims, playable_id: str) -> None:
        """Remove a playable from the profile's history; a session that still plays it brings it back. Idempotent."""
        row = await self._places.get(viewer.account_id, place_sort(viewer.profile_id or "", playable_id))
        if row is not None:
            await self._places.remove(row.partition, row.sort, row.version)

    async def delete_all(self, account_id: str) -> None:
        """End what the account plays and remove every place of it; idempotent, for an account that is closed."""
        await self._sessions.end_all(account_id)
        await self._remove_places(account_id, PLACE)

    async def forget_profile(self, account_id: str, profile_id: str) -> None:
        """The same for a profile that is deleted; its tokens, which outlive it by minutes, start nothing new. Idempotent."""
        now_s = self._now_s()
        gone = Row(account_id, f"{GONE}{profile_id}", int(now_s * 1000), "gone", {}, now_s + LONGEST_TOKEN_S + MARGIN_S)
        await self._places.put([gone])
        await self._sessions.end_all(account_id, profile_id)
        await self._remove_places(account_id, f"{PLACE}{profile_id}/")

    async def _remove_places(self, account_id: str, prefix: str) -> None:
        while rows := await self._places.scan(account_id, prefix, limit=SCAN_LIMIT):
            for row in rows:
                await self._places.remove(row.partition, row.sort, row.version)

    async def _place(self, viewer: Claims, playable_id: str) -> KeptPlace | None:
        row = await self._places.get(viewer.account_id, place_sort(viewer.profile_id or "", playable_id))
        return None if row is None else read_place(row)

    async def _all_places(self, viewer: Claims) -> list[KeptPlace]:
        prefix, after, places = f"{PLACE}{viewer.profile_id}/", None, list[KeptPlace]()
        while len(places) < PLACES_LIMIT:
            rows = await self._places.scan(viewer.account_id, prefix, after=after, reverse=True, limit=SCAN_LIMIT)
            places += [read_place(row) for row in rows]
            if len(rows) < SCAN_LIMIT:
                break
            after = rows[-1].sort
        return places

    async def _live_edges(self) -> list[EdgeStatus]:
        if self._now_s() >= self._edges_until_s:
            try:
                self._edges = await live_edges(self._edge_rows, self._now_s)
            except Unavailable as error:
                log.warning("the edges that were known go on being named", reason=error.detail)
            self._edges_until_s = self._now_s() + EDGES_TRUSTED_S
        return self._edges

    async def _opened(self, table: Table) -> Store:
        store = await open_store(self._settings.store, table, self._now_s)
        self._stores.append(store)
        return store


def _page(places: list[KeptPlace], limit: int, cursor: str | None) -> Places:
    after = decode_cursor(cursor)
    if after is not None:
        places = [place for place in places if _sort_key(place) > after]
    shown = places[:limit]
    return Places(
        items=[_shown(place) for place in shown], next_cursor=encode_cursor(_sort_key(shown[-1])) if len(places) > limit else None
    )


def _sort_key(place: KeptPlace) -> str:
    # Later times sort first: the distance from a far future, in microseconds.
    return f"{10**17 - round(place.updated_at_s * 1e6):017d}/{place.playable_id}"


def _shown(place: KeptPlace) -> Place:
    return Place(
        playable_id=place.playable_id,
        title_id=place.title_id,
        position_s=place.position_s,
        duration_s=place.duration_s,
        finished=policy.is_finished(place),
        updated_at=_time(place.updated_at_s),
    )


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
