"""The catalogue: reads from a snapshot in memory, edits in the store, tells of each change by the outbox.

Main path of a read: Snapshot. Of an edit: the stored title -> a pure change -> one batch of title and event -> the own snapshot at once.
Knows neither HTTP nor Ray; whoever calls has been let through already.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from cluster.durable import Log, Store, open_log, open_objects, open_store
from cluster.durable.outbox import Nudge, Outbox, open_outbox
from cluster.errors import Conflict, PlayableNotFound, PreconditionFailed, ServiceUnavailable, TitleNotFound, VersionConflict
from cluster.settings import Settings
from serve_apps.catalog import edits, policy, views
from serve_apps.catalog.edit_schemas import TitleNew
from serve_apps.catalog.follower import Follower
from serve_apps.catalog.gallery import Gallery
from serve_apps.catalog.policy import ANY, Condition, Place, Sight
from serve_apps.catalog.record import TitleRecord, TitleState
from serve_apps.catalog.rows import states, states_after
from serve_apps.catalog.schemas import ArtworkImage, Media, Playable, Title, TitleOutline
from serve_apps.catalog.snapshot import Snapshot
from serve_apps.catalog.tables import TITLES
from serve_apps.catalog.titles import Titles, Versioned
from serve_apps.idempotency import Idempotency

_TRIES: Final = 20


class Edited(msgspec.Struct, frozen=True):
    """What an edit found and what it left."""

    before: Versioned
    after: Versioned


class Answer(msgspec.Struct, frozen=True):
    """What goes out: JSON, and the title's version as an ETag; weak where drafts are left out."""

    etag: str
    body: bytes


class Catalog:
    """A replica's catalogue; `nudge` makes the outbox relay look at once."""

    def __init__(self, settings: Settings, *, nudge: Nudge | None = None, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._nudge, self._now_s = settings, nudge, now_s
        self._store: Store
        self._log: Log
        self._outbox: Outbox
        self._titles: Titles
        self.gallery: Gallery
        self._follower: Follower[Snapshot]
        self.idempotency: Idempotency

    async def open(self) -> None:
        """Open store, log and objects, and load the snapshot."""
        self._store = await open_store(self._settings.store, TITLES, self._now_s)
        self._log = await open_log(self._settings.log)
        self._outbox = await open_outbox(self._settings, self._store, self._nudge, self._now_s)
        self._titles = Titles(self._store, self._outbox, self._now_s)
        self.gallery = Gallery(open_objects(self._settings.objects))
        self.idempotency = Idempotency(self._store, self._now_s)
        self._follower = Follower(partial(states, self._store), self._log, lambda: Snapshot(self.edge_url), self._now_s)
        await self._follower.open()

    async def close(self) -> None:
        """Stop following and close what is open."""
        await self._follower.close()
        await self._outbox.close()
        await self._log.close()
        await self._store.close()

    async def check(self) -> None:
        """Raise if the replica no longer follows; while store or log are away it serves on with what it has, and says so in its log."""
        if not self._follower.running:
            raise ServiceUnavailable("The catalogue's follower has ended")

    @property
    def edge_url(self) -> str:
        """Where artwork is served."""
        return self._settings.own_edge_url

    @property
    def snapshot(self) -> Snapshot:
        """What this replica knows; it may be a moment behind the store."""
        return self._follower.holder

    @property
    def stale_s(self) -> float:
        """How long ago the log was last read."""
        return self._follower.stale_s

    # --- for whoever may see it

    async def title(self, title_id: str, sight: Sight) -> Answer:
        """Return a title as the caller sees it: from memory, or with drafts as the store has it.

        Raises:
            TitleNotFound: there is none that the caller sees.
        """
        if sight.drafts:
            stored = await self.stored(title_id)
            if not sight.shows(stored.record.maturity, stored.record.published):
                raise TitleNotFound
            return self.answer(stored)
        entry = self.snapshot.detail(title_id, sight)
        if entry is None:
            raise TitleNotFound
        return Answer(f"W/{policy.etag(entry.version)}", entry.detail)

    async def part(self, place: Place, sight: Sight) -> Answer:
        """Return an episode or a trailer as the caller sees it.

        Raises:
            TitleNotFound: there is no such title that the caller sees.
            PlayableNotFound: there is no such part that the caller sees.
        """
        whole = await self.title(place.title_id, sight)
        return Answer(whole.etag, views.part(Title.model_validate_json(whole.body), place).model_dump_json().encode())

    def answer(self, stored: Versioned) -> Answer:
        """Return a stored title as operators see it."""
        return Answer(policy.etag(stored.version), views.title(stored.record, self.edge_url, drafts=True).model_dump_json().encode())

    def answer_part(self, stored: Versioned, place: Place) -> Answer:
        """Return an episode or a trailer of a stored title as operators see it."""
        whole = views.title(stored.record, self.edge_url, drafts=True)
        return Answer(policy.etag(stored.version), views.part(whole, place).model_dump_json().encode())

    # --- for other services

    async def playable(self, playable_id: str) -> Playable:
        """Return a playable from memory; one that is unknown or cannot be played yet is looked for in the store, where it may be newer.

        Raises:
            PlayableNotFound: nothing has this id.
        """
        known = self.snapshot.playable(playable_id)
        if known is not None and known.published and known.media is not None:
            return known
        try:
            record = (await self.stored(policy.place_of(playable_id).title_id)).record
        except TitleNotFound as error:
            raise PlayableNotFound from error
        for candidate in views.playables(record, self.edge_url):
            if candidate.playable_id == playable_id:
                return candidate
        raise PlayableNotFound

    async def outline(self, title_id: str) -> TitleOutline:
        """Return what of a title can be played, from memory; one that is unknown here is looked for in the store.

        Raises:
            TitleNotFound: there is none.
        """
        known = self.snapshot.outline(title_id)
        if known is not None:
            return known
        return views.outline(title_id, views.playables((await self.stored(title_id)).record, self.edge_url))

    async def titles(self, after: str | None) -> tuple[list[TitleState], str | None]:
        """Return a page of all titles as the store has them, drafts and tombstones included; see rows.states_after."""
        return await states_after(self._store, after)

    async def live_version(self, playable_id: str) -> str | None:
        """Return the version that the store says is played; None if there is none, or no such playable."""
        try:
            place = policy.place_of(playable_id)
            media = edits.live_media((await self.stored(place.title_id)).record, place)
        except (PlayableNotFound, TitleNotFound):
            return None
        return media.version_id if media is not None else None

    async def attach_media(self, playable_id: str, media: Media, artwork_candidates: Sequence[ArtworkImage] = ()) -> None:
        """Make `media` what is played, unless a newer version is; see edits.attached.

        Raises:
            PlayableNotFound: it was deleted meanwhile.
        """
        place = policy.place_of(playable_id)
        try:
            await self.edit(place.title_id, ANY, lambda record: edits.attached(record, place, media, artwork_candidates))
        except TitleNotFound as error:
            raise PlayableNotFound from error

    async def unused_artwork(self, object_names: Sequence[str]) -> list[str]:
        """Return those of the objects that no title shows; see Titles.unused_artwork."""
        return await self._titles.unused_artwork(object_names)

    # --- for operators

    async def stored(self, title_id: str) -> Versioned:
        """Return a title as the store has it; raises as Titles.get does."""
        return await self._titles.get(title_id)

    async def create(self, title_id: str, new: TitleNew) -> Versioned:
        """Make a title; done again under the same id it stays as it was made."""
        record = edits.new_title(title_id, new, self._now_s())
        try:
            return await self._save(record, 0)
        except VersionConflict:
            return await self.stored(title_id)

    async def edit(self, title_id: str, wanted: Condition, change: Callable[[TitleRecord], TitleRecord]) -> Edited:
        """Apply a change to the stored title; one that changes nothing writes nothing.

        Raises:
            TitleNotFound: there is none.
            PreconditionFailed: its version is none of those wanted, or the part to be made is there; carries `etag` and `current`.
            TooLarge: the title would become larger than a title may be.
        """
        for _ in range(_TRIES):
            before = await self.stored(title_id)
            try:
                wanted.require(before.version)
                record = change(before.record)
            except PreconditionFailed as error:
                raise self._changed(before, error) from error
            if record == before.record:
                return Edited(before, before)
            try:
                return Edited(before, await self._save(record, before.version))
            except VersionConflict:
                continue  # somebody was faster: look again, and let the condition decide
        raise Conflict("Too many edit this title at once", retry_after_s=1)

    async def require(self, title_id: str, wanted: Condition) -> None:
        """Raise as `edit` would, before work is done for an edit that cannot be."""
        stored = await self.stored(title_id)
        try:
            wanted.require(stored.version)
        except PreconditionFailed as error:
            raise self._changed(stored, error) from error

    async def publish(self, title_id: str, wanted: Condition, *, on: bool) -> Versioned:
        """Publish a title, or take it back; raises as `edit` does."""
        return (await self.edit(title_id, wanted, lambda record: edits.publish(record, self._now_s(), on=on))).after

    async def delete(self, title_id: str, wanted: Condition) -> None:
        """Remove a title with all of it, be it damaged; its media is collected later by whoever owns it.

        Raises:
            TitleNotFound: there is none.
            PreconditionFailed: its version is none of those wanted.
        """
        for _ in range(_TRIES):
            version = await self._titles.version(title_id)
            wanted.require(version)
            with contextlib.suppress(VersionConflict):
                self.snapshot.apply(title_id, await self._titles.bury(title_id, version), None)
                return
        raise Conflict("Too many edit this title at once", retry_after_s=1)

    def _changed(self, stored: Versioned, error: PreconditionFailed) -> PreconditionFailed:
        """Return the error with what the caller has not seen: both versions can be shown, and the edit be made from the new one."""
        current = views.title(stored.record, self.edge_url, drafts=True).model_dump(mode="json")
        return PreconditionFailed(error.detail, etag=policy.etag(stored.version), current=current)

    async def _save(self, record: TitleRecord, version: int) -> Versioned:
        saved = await self._titles.save(record, version)
        # Whoever edited sees it here at once; the log brings it to the others.
        self.snapshot.apply(record.title_id, saved.version, record)
        return saved
