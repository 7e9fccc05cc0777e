"""Asks the catalogue from other services: what a playable is, which version of it is live; and gives it finished media.

Who needs all titles in its own memory follows them by CatalogFeed, and shows of them what `sight` allows.
"""

from __future__ import annotations

from collections.abc import Sequence

from cluster.resilience import Caller
from serve_apps.catalog.feed import CatalogFeed, Shelf
from serve_apps.catalog.policy import Sight, sight
from serve_apps.catalog.record import TitleState
from serve_apps.catalog.schemas import ArtworkImage, Media, Playable, TitleOutline
from serve_apps.serving import ServeTarget, Target

__all__ = ["CatalogClient", "CatalogFeed", "Shelf", "Sight", "sight"]


class CatalogClient:
    """A typed client; every method is idempotent and tried again once."""

    def __init__(self, target: Target | None = None) -> None:
        self._target = target or ServeTarget("catalog")
        # Reads answer from memory; a write, or a read of all titles, waits for the disk. A loaded laptop may need a second for either.
        self._reads = Caller("catalog", timeout_s=3.0)
        self._patient = Caller("catalog", timeout_s=10.0)

    async def playable(self, playable_id: str) -> Playable:
        """Return a film, an episode or a trailer, published or not.

        Raises:
            PlayableNotFound: nothing has this id.
        """
        return Playable.model_validate(await self._reads.call(lambda: self._target.invoke("playable", playable_id), idempotent=True))

    async def outline(self, title_id: str) -> TitleOutline:
        """Return what of a title can be played, published or not, in its order.

        Raises:
            TitleNotFound: there is no such title.
        """
        return TitleOutline.model_validate(await self._reads.call(lambda: self._target.invoke("outline", title_id), idempotent=True))

    async def titles(self, after: str | None) -> tuple[list[TitleState], str | None]:
        """Return a page of all titles, read from the store, drafts and tombstones included, and what the next page comes after, if any."""
        page: tuple[list[TitleState], str | None] = await self._patient.call(lambda: self._target.invoke("titles", after), idempotent=True)
        return page

    async def live_version(self, playable_id: str) -> str | None:
        """Return the version that is played now, read from the store; None if there is none, or no such playable.

        Raises:
            CorruptData: the title is damaged; nobody knows what of it is played.
        """
        version_id: str | None = await self._reads.call(lambda: self._target.invoke("live_version", playable_id), idempotent=True)
        return version_id

    async def attach_media(self, playable_id: str, media: Media, artwork_candidates: Sequence[ArtworkImage] = ()) -> None:
        """Make `media` what is played, unless a newer version is; candidates fill the kinds of artwork that the title lacks.

        Raises:
            PlayableNotFound: the title or episode was deleted meanwhile.
        """
        candidates = list(artwork_candidates)
        await self._patient.call(lambda: self._target.invoke("attach_media", playable_id, media, candidates), idempotent=True)

    async def unused_artwork(self, object_names: Sequence[str]) -> list[str]:
        """Return those of the `artwork/…` objects that no title shows, be it a draft; none while some title cannot be read.

        Reads all titles from the store, however few are asked for: ask for many at once, at most ARTWORK_NAMES_LIMIT.
        """
        names = list(object_names)
        unused: list[str] = await self._patient.call(lambda: self._target.invoke("unused_artwork", names), idempotent=True)
        return unused
