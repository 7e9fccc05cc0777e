"""Models for tests: of a few titles, quick to make; a bundles' port over them; an encoder that can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from cluster.errors import ServiceUnavailable
from serve_apps.recommendations.encoder import Ask, Encoder, Encoding
from serve_apps.recommendations.live_model import LiveModel

WIDTH = 8


def live_model(item_ids: Sequence[str], bundle_id: str = "one", seed: int = 0, width: int = WIDTH) -> LiveModel:
    """Vectors by chance; after an item EASE names the two that follow it in the vocabulary."""
    items = len(item_ids)
    vector_ID = np.random.default_rng(seed).normal(size=(items, width)).astype(np.float32)
    neighbour_IK = ((np.arange(items)[:, None] + [1, 2]) % items).astype(np.int32)
    weight_IK = np.tile(np.array([0.5, 0.25], dtype=np.float32), (items, 1))
    return LiveModel(bundle_id, tuple(item_ids), vector_ID, neighbour_IK, weight_IK)


class MadeBundles:
    """The port `Bundles`: what is live is said by a test; a bundle that is an exception is raised."""

    def __init__(self, **models: LiveModel | Exception) -> None:
        self.models, self.live, self.loads = models, None, list[str]()

    async def live_id(self) -> str | None:
        return self.live

    async def model(self, bundle_id: str) -> LiveModel:
        self.loads.append(bundle_id)
        found = self.models[bundle_id]
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None: ...


class MadeEncoder:
    """An encoder's target that answers with a vector of its model's first item, or fails, or hangs."""

    def __init__(self, bundles: MadeBundles) -> None:
        self._bundles = bundles
        self.away = self.hangs = False
        self.speaks_of: str | None = None
        self.asked: list[Ask] = []
        self.readied: list[str] = []

    async def invoke(self, method: str, /, *args: Any) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise ServiceUnavailable
        if method == "ready":
            self.readied.append(args[0])
            return True
        (ask,) = args
        self.asked.append(ask)
        bundle_id = self.speaks_of or ask.bundle_id
        model = self._bundles.models[bundle_id]
        assert isinstance(model, LiveModel)
        return Encoding(bundle_id, model.vector_ID[ask.items[-1]].tobytes())


class EncoderTarget:
    """An encoder in this process, which batches nothing."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    async def invoke(self, method: str, /, *args: Any) -> Any:
        return (await self.encoder.encode(list(args)))[0] if method == "encode" else await self.encoder.ready(*args)
