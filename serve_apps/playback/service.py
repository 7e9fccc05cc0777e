"""Playback: who may watch what, from which edge, and where everybody stopped.

Main path: start -> catalogue (one hop) -> policy -> the account's session shard -> signed addresses and the place.
Knows nothing of how streams are kept (actors/sessions) or bytes delivered (cluster/edge).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from actors.sessions.client import Sessions
from actors.sessions.stream import Beat, Start, Stop
from actors.sessions.tables import GONE, PLACE, PLACES, place_sort
from cluster.durable import Row, Store, Table, open_store
from cluster.edge.registry import EDGES, EdgeStatus, live_edges
from cluster.errors import PlayableNotFound, ProfileNotFound, StreamLimitReached, TitleNotFound, Unavailable
from cluster.security.claims import Claims
from cluster.security.keys import LONGEST_TOKEN_S, MARGIN_S
from cluster.security.paths import PathSigner
from cluster.settings import Settings
from serve_apps.catalog.client import CatalogClient
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.idempotency import Idempotency
from serve_apps.playback import policy
from serve_apps.playback.places import WatchedPlaces, page, shown, time_of
from serve_apps.playback.playables import Playables
from serve_apps.playback.schemas import (
    AccountStream,
    AccountStreams,
    Edge,
    Heartbeat,
    HeartbeatSaved,
    LiveStream,
    LiveStreams,
    NextToWatch,
    Place,
    Places,
    Session,
    TitlePlaces,
)
from serve_apps.playback.tables import KEYS

log = structlog.get_logger()

PATH_SPARE_S: Final = 12 * 3600.0
"""Signed paths outlive the film by this much: a pause over night does not end it."""
EDGES_TRUSTED_S: Final = 2.0


class Playback:
    """The service of playback."""

    idempotency: Idempotency

    def __init__(self, settings: Settings, catalog: CatalogClient, sessions: Sessions, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._catalog, self._sessions, self._now_s = settings, catalog, sessions, now_s
        self._playables = Playables(catalog, now_s)
        self._signer = PathSigner(settings.secret_bytes(), now_s)
        self._stores: list[Store] = []
        self._edges: list[EdgeStatus] = []
        self._edges_until_s = 0.0

    async def open(self) -> None:
        """Open the stores."""
        self._places = await self._opened(PLACES)
        self._watched = WatchedPlaces(self._places)
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
        place = await self._watched.place(viewer, playable_id)
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
                    started_at=time_of(stream.started_at_s),
                    position_s=stream.position_s,
                    state=stream.state,
                )
            )
        return LiveStreams(items=items, limit=viewer.streams)

    async def streams(self, limit: int, cursor: str | None) -> AccountStreams:
        """Return the live streams of all accounts, the latest started first.

        Raises:
            Unavailable: a session shard does not answer.
        """
        page = await self._sessions.streams(limit + 1, decode_cursor(cursor))
        items = page.items[:limit]
        return AccountStreams(
            items=[
                AccountStream(
                    session_id=each.stream.session_id,
                    account_id=each.account_id,
                    device_id=each.stream.device_id,
                    profile_id=each.stream.profile_id,
                    playable_id=each.stream.playable_id,
                    title_id=each.stream.title_id,
                    name=each.stream.name,
                    started_at=time_of(each.stream.started_at_s),
                    position_s=each.stream.position_s,
                    state=each.stream.state,
                )
                for each in items
            ],
            total=page.total,
            next_cursor=encode_cursor(items[-1].key) if len(page.items) > limit else None,
        )

    async def end_stream(self, account_id: str, session_id: str) -> None:
        """End a stream of any account, for an operator; its player hears of it at its next heartbeat. Idempotent for a day.

        Raises:
            SessionNotFound: the account has none of this id, nor had it lately.
        """
        await self._sessions.stop(Stop(account_id, session_id, device_id="", profile_id="", by_operator=True))

    async def continue_watching(self, viewer: Claims, limit: int, cursor: str | None) -> Places:
        """Return what the profile left half-way, on whatever device, the latest first, one a title."""
        return page(policy.to_continue(await self._watched.all_of(viewer)), limit, cursor)

    async def history(self, viewer: Claims, limit: int, cursor: str | None) -> Places:
        """Return all that the profile watched, the latest first."""
        return page(sorted(await self._watched.all_of(viewer), key=policy.latest_first), limit, cursor)

    async def position(self, viewer: Claims, playable_id: str) -> Place:
        """Return where the profile is in a playable; at its start where it never was."""
        place = await self._watched.place(viewer, playable_id)
        if place is not None:
            return shown(place)
        return Place(playable_id=playable_id, title_id=None, position_s=0, duration_s=None, finished=False, updated_at=None)

    async def title_places(self, viewer: Claims, title_id: str) -> TitlePlaces:
        """Return where the profile is in whatever it has watched of a title; nothing for a title that it never watched, or that is none."""
        places = sorted(await self._watched.of_title(viewer, title_id), key=policy.latest_first)
        return TitlePlaces(items=[shown(place) for place in places])

    async def next_to_watch(self, viewer: Claims, title_id: str) -> NextToWatch:
        """Return what of a title the profile watches next; see `policy.next_to_watch`.

        Raises:
            PlayableNotFound: nothing of it can be played, or there is no such title for this profile.
        """
        try:
            title = await self._catalog.outline(title_id)
        except TitleNotFound as error:  # told in the words of a title that the profile may not know of
            raise PlayableNotFound("Nothing of this title can be played") from error
        found = policy.next_to_watch(title, await self._watched.of_title(viewer, title_id), viewer)
        return NextToWatch(
            playable_id=found.playable.playable_id,
            season=found.playable.season,
            episode=found.playable.episode,
            position_s=found.position_s,
            duration_s=found.duration_s,
            reason=found.reason,
        )

    async def forget(self, viewer: Claims, playable_id: str) -> None:
        """Remove a playable from the profile's history; a session that still plays it brings it back. Idempotent."""
        await self._watched.forget(viewer, playable_id)

    async def delete_all(self, account_id: str) -> None:
        """End what the account plays and remove every place of it; idempotent, for an account that is closed."""
        await self._sessions.end_all(account_id)
        await self._watched.remove(account_id, PLACE)

    async def forget_profile(self, account_id: str, profile_id: str) -> None:
        """The same for a profile that is deleted; its tokens, which outlive it by minutes, start nothing new. Idempotent."""
        now_s = self._now_s()
        gone = Row(account_id, f"{GONE}{profile_id}", int(now_s * 1000), "gone", {}, now_s + LONGEST_TOKEN_S + MARGIN_S)
        await self._places.put([gone])
        await self._sessions.end_all(account_id, profile_id)
        await self._watched.remove(account_id, place_sort(profile_id, ""))

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
