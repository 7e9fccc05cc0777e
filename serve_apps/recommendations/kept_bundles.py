"""Bundles as they are kept: which is live says the registry, what is in it the object store.

Main path: `live_id`, every second -> another bundle -> its bytes -> read and checked on a thread. Replicas read with numpy, the encoder
with torch: each imports its own here, when there is something to read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cluster.errors import ModelRefused
from cluster.settings import Settings
from serve_apps.recommendations.bundles.registry import ModelRegistry, open_registry

if TYPE_CHECKING:
    from models.sequence import SequenceModel
    from serve_apps.recommendations.live_model import LiveModel


class KeptBundles:
    """See `serve_apps.recommendations.live.Bundles`; opens the registry when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._registry: ModelRegistry | None = None

    async def close(self) -> None:
        """Close the registry."""
        async with self._opening:
            if self._registry is not None:
                await self._registry.close()
                self._registry = None

    async def live_id(self) -> str | None:
        """Return which bundle is live, if any."""
        return await (await self._opened()).live_id()

    async def model(self, bundle_id: str) -> LiveModel:
        """Return what a replica ranks with.

        Raises:
            ModelNotFound: there is none.
            ModelRefused: it is no sound model.
        """
        data = await (await self._opened()).data(bundle_id)
        return await asyncio.to_thread(_live_model, bundle_id, data)

    async def sequence_model(self, bundle_id: str) -> SequenceModel:
        """Return what the encoder computes with, tried out; raises as `model` does."""
        bundle = await (await self._opened()).fetch(bundle_id)
        from models.bundle import sequence_model

        return sequence_model(bundle)

    async def _opened(self) -> ModelRegistry:
        async with self._opening:
            if self._registry is None:
                self._registry = await open_registry(self._settings)
            return self._registry


def _live_model(bundle_id: str, data: bytes) -> LiveModel:
    from models.errors import BundleRefused
    from serve_apps.recommendations.reading import live_model

    try:
        return live_model(bundle_id, data)
    except BundleRefused as error:
        raise ModelRefused(f"Model {bundle_id} cannot be served: {error.detail}", fault=error.fault, bundle_id=bundle_id) from error
