"""The models of a replica: the one that is live, followed, and what it picks. Until one is live, numpy is not even imported.

Main path: Following has a model -> `picks` -> picking. Nothing here fails a page: what models cannot say, rules do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from serve_apps.recommendations import policy
from serve_apps.recommendations.following import Following
from serve_apps.recommendations.sources import NO_PICKS, Picks, Sources
from serve_apps.recommendations.stock import Known, Stock
from serve_apps.serving import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.row_values import RowValues
    from serve_apps.recommendations.encoding import Encodings
    from serve_apps.recommendations.live_model import LiveModel
    from serve_apps.recommendations.picking import Picking

log = structlog.get_logger()


class Bundles(Protocol):
    """Where models come from."""

    async def live_id(self) -> str | None:
        """Return which bundle is live, if any."""
        ...

    async def model(self, bundle_id: str) -> LiveModel:
        """Return a bundle as replicas hold it, checked; raises whatever is wrong with it."""
        ...

    async def close(self) -> None:
        """Free everything."""
        ...


class Live:
    """Owns the live model; `encoder` takes `encode` and `ready`."""

    def __init__(self, bundles: Bundles, encoder: Target) -> None:
        self._bundles, self._encoder = bundles, encoder
        self._encodings: Encodings | None = None
        self._picking: Picking | None = None
        self.following: Following[LiveModel] = Following(bundles.live_id, self._model, self._ready)

    async def open(self) -> None:
        """Look for a live model, and begin to follow; a replica is ready without one too."""
        self.following.open()

    async def close(self) -> None:
        """Stop following."""
        await self.following.close()
        if self._encodings is not None:
            await self._encodings.close()
        await self._bundles.close()

    @property
    def bundle_id(self) -> str | None:
        """Which bundle is live here, if any."""
        return self.following.model.bundle_id if self.following.model is not None else None

    @property
    def row_values(self) -> RowValues | None:
        """By what rows are ordered, where the live model says so."""
        return self.following.model.row_values if self.following.model is not None else None

    async def picks(self, stock: Stock, sources: Sources, now_s: float) -> Picks:
        """Return what is picked for a profile, of these titles; at the worst nothing, for a reason that is named."""
        model, picking = self.following.model, self._picking
        if model is None or picking is None:
            return NO_PICKS
        try:
            return await picking.picks(model, stock, sources, now_s)
        except Exception:  # a page is never an error for a model's sake
            log.exception("nothing is picked", bundle_id=model.bundle_id)
            return Picks(model_version=model.bundle_id)

    def alike(self, stock: Stock, title: Known) -> tuple[Sequence[Known], str | None]:
        """Return what is like a title, the most alike first, and the bundle that had a say in it."""
        model, picking = self.following.model, self._picking
        if model is None or picking is None:
            return policy.similar(stock, title), None
        return picking.alike(model, stock, title), model.bundle_id

    async def _model(self, bundle_id: str) -> LiveModel:
        model = await self._bundles.model(bundle_id)
        if self._picking is None:
            from serve_apps.recommendations.encoding import Encodings
            from serve_apps.recommendations.picking import Picking

            self._encodings = Encodings(self._encoder)
            self._picking = Picking(self._encodings)
        return model

    async def _ready(self, bundle_id: str) -> None:
        if self._encodings is not None:
            await self._encodings.ready(bundle_id)
