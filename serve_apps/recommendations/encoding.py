"""Asks the encoder for what a history is to the live model, and remembers what it said.

Main path: `encoding` -> remembered by bundle and history -> else one call, not for long and through a breaker. Knows no profile: the same
history is encoded alike for everybody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

import numpy as np
import structlog

from cluster.errors import MatineeError, ServiceUnavailable
from cluster.resilience import Caller
from cluster.resilience.breaker import Breaker
from serve_apps.recommendations.encoder import Ask, Encoding
from serve_apps.recommendations.live_model import History, LiveModel, key_of
from serve_apps.recommendations.ranking import Floats
from serve_apps.serving import Target

log = structlog.get_logger()

ENCODE_S: Final = 0.15
"""How long a page waits for an encoding; after that something simpler ranks its titles."""
READY_S: Final = 20.0
"""How long a replica waits for the encoder to load what will be live: it may have to start, and to import torch."""
REMEMBERED: Final = 8192
"""Encodings: some 10 MB of them at a width of 256."""


class Encodings:
    """A typed client of the encoder, with a bounded memory."""

    def __init__(self, target: Target, *, encode_s: float = ENCODE_S, ready_s: float = READY_S, remembered: int = REMEMBERED) -> None:
        self._target, self._remembered = target, remembered
        # Few calls open it: each that fails costs a page all of the time that it waits.
        self._encodes = Caller("encoder", timeout_s=encode_s, breaker=Breaker(min_calls=4, sleep_s=2.0))
        self._readies = Caller("encoder", timeout_s=ready_s)
        self._waking: asyncio.Task[bool] | None = None
        self._vectors: OrderedDict[bytes, Floats] = OrderedDict()

    async def encoding(self, model: LiveModel, history: History) -> Floats | None:
        """Return a history's encoding [D] by this model's bundle; None if the encoder does not say it in time."""
        key = model.bundle_id.encode() + key_of(history)
        if (known := self._vectors.get(key)) is not None:
            self._vectors.move_to_end(key)
            return known
        try:
            vector_D = await self._encodes.call(lambda: self._asked(model, history), idempotent=False)
        except MatineeError as error:
            log.info("no encoding", error=repr(error))
            self._wake(model.bundle_id)
            return None
        self._vectors[key] = vector_D
        if len(self._vectors) > self._remembered:
            self._vectors.popitem(last=False)
        return vector_D

    async def ready(self, bundle_id: str) -> bool:
        """Have the encoder load a bundle, and say whether it has; False if it does not answer."""
        try:
            return bool(await self._readies.call(lambda: self._target.invoke("ready", bundle_id), idempotent=False))
        except MatineeError as error:
            log.warning("the encoder is not ready", bundle_id=bundle_id, error=repr(error))
            return False

    async def close(self) -> None:
        """Let go of the encoder."""
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.gather(self._waking, return_exceptions=True)

    def _wake(self, bundle_id: str) -> None:
        # A page's question is gone too soon to have an encoder started that there is none of, or one that came back load its bundle.
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self.ready(bundle_id))

    async def _asked(self, model: LiveModel, history: History) -> Floats:
        told: Encoding = await self._target.invoke("encode", Ask(model.bundle_id, history.item_H, history.time_s_H))
        vector_D = np.frombuffer(told.vector, dtype=np.float32) if told.vector is not None else None
        # Never mixed: the vectors of two bundles have nothing in common, be they of one width.
        if vector_D is None or told.bundle_id != model.bundle_id or vector_D.shape != model.vector_ID.shape[1:]:
            raise ServiceUnavailable("The encoder has not loaded this bundle")
        if not np.isfinite(vector_D).all():
            raise ServiceUnavailable("The encoder tells no numbers")
        return vector_D
