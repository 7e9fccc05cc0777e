"""Keeps models, and says which one is live: bytes in the object store, one row a model, one row for all that says live and previous.

Main path: `add` -> a candidate -> `promote`, which looks at its bytes once more -> live -> `rollback`, to the one before.
Whoever serves asks `live_id` and then `fetch`. Refuses to know how models are trained, and loads torch only to look at bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import obstore
import structlog

from cluster.durable import Check, Insert, Objects, Row, Store, Update, Value, object_errors, open_objects, open_store
from cluster.durable.store import SCAN_LIMIT
from cluster.errors import (
    CorruptData,
    Misconfigured,
    ModelExists,
    ModelNotFound,
    ModelNotPromotable,
    ModelRefused,
    NoPreviousModel,
    ObjectNotFound,
    Overloaded,
    Unavailable,
    VersionConflict,
)
from cluster.settings import Settings
from models.about import Verdict
from serve_apps.recommendations.bundles.collecting import collect
from serve_apps.recommendations.bundles.entry import BUNDLE, LIFE, PARTITION, Kept, Life, ModelEntry, object_of
from serve_apps.recommendations.tables import MODELS

if TYPE_CHECKING:
    from models.bundle import Bundle

log = structlog.get_logger()

ATTEMPTS: Final = 5
KEPT: Final = 20
"""So many models stay beside the live and the previous one."""
_BY_FORCE: Final = "With --force it becomes live all the same."


class ModelRegistry:
    """All models of an installation; the oldest go. What changes may be called again after Indeterminate."""

    def __init__(self, store: Store, objects: Objects, now_s: Callable[[], float] = time.time, keep: int = KEPT) -> None:
        self._store, self._objects, self._now_s, self._keep = store, objects, now_s, keep

    async def add(self, data: bytes, verdict: Verdict) -> ModelEntry:
        """Keep a bundle as what its verdict makes of it, once it has been found sound; idempotent.

        Raises:
            ModelRefused: the bytes are no bundle that can be served.
            ModelExists: other bytes were added under its id.
        """
        bundle = await _checked(data)
        bundle_id, digest = bundle.about.bundle_id, hashlib.sha256(data).hexdigest()
        row = await self._store.get(PARTITION, BUNDLE + bundle_id)
        if row is None:
            # Bytes first: whatever a row names is there.
            with object_errors(object_of(bundle_id)):
                await obstore.put_async(self._objects, object_of(bundle_id), data)
            kept = Kept(self._now_s(), len(data), digest, bundle.about, verdict)
            try:
                row = await self._store.put_if_absent(PARTITION, BUNDLE + bundle_id, "bundle", kept.value())
            except VersionConflict:
                row = await self._store.get(PARTITION, BUNDLE + bundle_id)
        if row is None or Kept.of(row).sha256 != digest:
            raise ModelExists(f"Another model was added as {bundle_id}", bundle_id=bundle_id)
        found = await self._store.get(PARTITION, LIFE)
        try:
            await collect(self._store, self._objects, self._now_s(), self._keep, await self._rows(), found)
        except (Unavailable, CorruptData) as error:
            log.warning("models are not collected", reason=error.detail)  # the next addition does it
        return Kept.of(row).entry(Life.of(found))

    async def entries(self) -> list[ModelEntry]:
        """Return every model, the newest first."""
        life = await self.life()
        return [Kept.of(row).entry(life) for row in reversed(await self._rows())]

    async def entry(self, bundle_id: str) -> ModelEntry:
        """Return a model.

        Raises:
            ModelNotFound: there is none.
        """
        return (await self._kept(bundle_id)).entry(await self.life())

    async def life(self) -> Life:
        """Return which model is live, and which was before."""
        return Life.of(await self._store.get(PARTITION, LIFE))

    async def live_id(self) -> str | None:
        """Return the id of the live model, if any: one read of one row."""
        return (await self.life()).live

    async def live(self) -> ModelEntry | None:
        """Return the live model, if any."""
        return await self._optional((await self.life()).live)

    async def previous(self) -> ModelEntry | None:
        """Return the one that was live before, if any."""
        return await self._optional((await self.life()).previous)

    async def fetch(self, bundle_id: str) -> Bundle:
        """Read a bundle and see that it can be served, in a thread.

        Raises:
            ModelNotFound: there is none, or its bytes are gone.
            ModelRefused: what is stored cannot be served, or is not what was added.
        """
        return await _checked(await self.data(bundle_id))

    async def data(self, bundle_id: str) -> bytes:
        """Return a bundle's bytes, for whoever reads them without torch.

        Raises:
            ModelNotFound: there is none, or its bytes are gone.
            ModelRefused: what is stored is not what was added.
        """
        kept = await self._kept(bundle_id)
        try:
            with object_errors(object_of(bundle_id)):
                found = await obstore.get_async(self._objects, object_of(bundle_id))
                data = bytes(await found.bytes_async())
        except ObjectNotFound as error:
            raise ModelNotFound(f"The bytes of model {bundle_id} are gone", bundle_id=bundle_id) from error
        if hashlib.sha256(data).hexdigest() != kept.sha256:
            # A whole bundle under another one's name has a checksum that is right.
            raise ModelRefused(f"Model {bundle_id}: its bytes are not those that were added", fault="checksum", bundle_id=bundle_id)
        return data

    async def promote(self, bundle_id: str, *, force: bool = False) -> ModelEntry:
        """Make a model the live one, once its bytes have been found sound; the one until now becomes the previous. Idempotent.

        Raises:
            ModelNotFound: there is none.
            ModelNotPromotable: its verdict is against it, or was made beside another live model than today's; not with `force`.
            ModelRefused: it cannot be served; by `force` neither.
        """
        kept = await self._kept(bundle_id)
        await self.fetch(bundle_id)

        def promoted(life: Life) -> Life:
            if life.live == bundle_id:
                return life
            if not force:
                _require_let_through(kept, life)
            return Life(bundle_id, life.live, self._now_s())

        return kept.entry(await self._change(promoted))

    async def rollback(self) -> ModelEntry:
        """Make the previous model the live one, once its bytes have been found sound. There is no previous one then.

        So a second call goes nowhere, instead of back to what was just left.

        Raises:
            NoPreviousModel: nothing was live before.
            ModelNotFound, ModelRefused: the previous one cannot be served any more.
        """
        bundle_id = (await self.life()).previous
        if bundle_id is None:
            raise NoPreviousModel
        kept = await self._kept(bundle_id)
        await self.fetch(bundle_id)

        def rolled_back(life: Life) -> Life:
            if life.previous != bundle_id:
                raise NoPreviousModel("Another model was made live, or gone back to, meanwhile")
            return Life(bundle_id, None, self._now_s())

        return kept.entry(await self._change(rolled_back))

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    async def _rows(self) -> list[Row]:
        rows: list[Row] = []
        while page := await self._store.scan(PARTITION, BUNDLE, after=rows[-1].sort if rows else None, limit=SCAN_LIMIT):
            rows += page
        return rows

    async def _kept(self, bundle_id: str) -> Kept:
        # What no key can be is no model either.
        row = await self._store.get(PARTITION, BUNDLE + bundle_id) if bundle_id.isalnum() and len(bundle_id) <= 64 else None
        if row is None:
            raise ModelNotFound(f"There is no model {bundle_id}", bundle_id=bundle_id)
        return Kept.of(row)

    async def _optional(self, bundle_id: str | None) -> ModelEntry | None:
        return await self.entry(bundle_id) if bundle_id is not None else None

    async def _change(self, changed: Callable[[Life], Life]) -> Life:
        for _ in range(ATTEMPTS):
            row = await self._store.get(PARTITION, LIFE)
            before = Life.of(row)
            after = changed(before)
            if after == before:
                return before
            value: Value = {"live": after.live, "previous": after.previous, "changed_at_s": after.changed_at_s}
            written = Insert(LIFE, LIFE, value) if row is None else Update(LIFE, LIFE, value, row.version)
            try:
                # A bundle's row is written once; it may have been collected.
                await self._store.batch(PARTITION, [written, Check(f"{BUNDLE}{after.live}", 1)])
            except VersionConflict:
                await self._kept(str(after.live))
                continue  # another was faster: look again
            return after
        raise Overloaded("Which model is live is being changed by others")


async def open_registry(settings: Settings) -> ModelRegistry:
    """Open the registry of an installation; `close` it.

    Raises:
        Misconfigured: the store or the object store is wrong, or does not answer.
    """
    objects = open_objects(settings.objects)
    return ModelRegistry(await open_store(settings.store, MODELS), objects)


def _require_let_through(kept: Kept, life: Life) -> None:
    bundle_id, verdict = kept.about.bundle_id, kept.verdict
    if not verdict.accepted:
        raise ModelNotPromotable(f"Model {bundle_id} was refused: {verdict.reason} {_BY_FORCE}", bundle_id=bundle_id)
    if verdict.against_bundle_id != life.live:
        beside = f"beside {verdict.against_bundle_id}" if verdict.against_bundle_id else "while no model was live"
        today = f"{life.live} is live" if life.live else "none is live"
        raise ModelNotPromotable(f"Model {bundle_id} was judged {beside}, and today {today}. {_BY_FORCE}", bundle_id=bundle_id)


async def _checked(data: bytes) -> Bundle:
    from models.errors import BundleRefused

    try:
        from models.bundle import decode
        from models.smoke import smoke
    except ImportError as error:
        raise Misconfigured(f"To look at models takes what a slim install leaves out: {error}") from error

    def checked() -> Bundle:
        bundle = decode(data)
        smoke(bundle)
        return bundle

    try:
        return await asyncio.to_thread(checked)
    except BundleRefused as error:
        raise ModelRefused(f"The model cannot be served: {error.detail}", fault=error.fault) from error
