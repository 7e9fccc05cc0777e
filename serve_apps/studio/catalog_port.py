"""What the studio asks the catalogue; serve_apps.catalog.client.CatalogClient answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from serve_apps.catalog.schemas import ArtworkImage, Media, Playable


class Catalog(Protocol):
    """The catalogue, as far as the studio knows it."""

    async def playable(self, playable_id: str) -> Playable:
        """Return a film, an episode or a trailer; raises PlayableNotFound."""
        ...

    async def live_version(self, playable_id: str) -> str | None:
        """Return the version that is played now; None if there is none, or no such playable."""
        ...

    async def attach_media(self, playable_id: str, media: Media, artwork_candidates: Sequence[ArtworkImage] = ()) -> None:
        """Make `media` what is played, unless a newer version is; raises PlayableNotFound."""
        ...

    async def unused_artwork(self, object_names: Sequence[str]) -> list[str]:
        """Return those of the objects that no title shows."""
        ...
