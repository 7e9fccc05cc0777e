"""Encodes histories by the bundle that whoever asks names: the part of recommendations that computes with torch.

Main path: `encode`, a batch -> those of one bundle together -> its model, on a thread of its own. A bundle is loaded when it is first asked
for, and the last two stay, so that a promotion finds both. Until one is asked for, torch is not even imported.
Refuses to know which bundle is live.
"""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from cluster.errors import DeadlineExceeded, ServiceUnavailable, Unavailable

if TYPE_CHECKING:
    from models.sequence import SequenceModel

log = structlog.get_logger()

KEPT: Final = 2
CHECK_S: Final = 10.0
"""How long the thread may take to answer before the replica is given up."""


class Ask(msgspec.Struct, frozen=True):
    """A history to encode, the oldest first: items by their places in the bundle's vocabulary."""

    bundle_id: str
    items: Sequence[int]
    times_s: Sequence[float]


class Encoding(msgspec.Struct, frozen=True):
    """What a bundle's model makes of a history: float32, as bytes. None: the bundle is not loaded, and will be when it can."""

    bundle_id: str
    vector: bytes | None


class Encoder:
    """Holds the models that are asked for; `load` fetches one, checked, or raises."""

    def __init__(self, load: Callable[[str], Awaitable[SequenceModel]]) -> None:
        self._load = load
        self._models: OrderedDict[str, SequenceModel] = OrderedDict()
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._refused: set[str] = set()
        # One: torch's own threads are what computes side by side.
        self._thread = ThreadPoolExecutor(1, "encoder")

    async def close(self) -> None:
        """Stop loading, and let the models go."""
        for task in self._loading.values():
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        self._models.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def check(self) -> None:
        """Raise if nothing is computed any more."""
        try:
            await asyncio.wait_for(self._computed(int), CHECK_S)
        except TimeoutError as error:
            raise DeadlineExceeded("The encoder's thread stands still") from error

    async def ready(self, bundle_id: str) -> bool:
        """Load a bundle, and say whether it is there; idempotent."""
        if bundle_id not in self._models and (loading := self._loads(bundle_id)) is not None:
            await asyncio.shield(loading)
        return bundle_id in self._models

    async def encode(self, asks: Sequence[Ask]) -> list[Encoding]:
        """Return an encoding for each; those of a bundle that is not there yet have it loaded meanwhile."""
        vectors: list[bytes | None] = [None] * len(asks)
        by_bundle: defaultdict[str, list[int]] = defaultdict(list)
        for at, ask in enumerate(asks):
            by_bundle[ask.bundle_id].append(at)
        for bundle_id, places in by_bundle.items():
            model = self._models.get(bundle_id)
            if model is None:
                self._loads(bundle_id)
                continue
            self._models.move_to_end(bundle_id)
            told = await self._computed(encoded, model, [(asks[at].items, asks[at].times_s) for at in places])
            for at, vector in zip(places, told, strict=True):
                vectors[at] = vector
        return [Encoding(ask.bundle_id, vector) for ask, vector in zip(asks, vectors, strict=True)]

    def _loads(self, bundle_id: str) -> asyncio.Task[None] | None:
        if bundle_id not in self._loading and bundle_id not in self._refused:
            self._loading[bundle_id] = asyncio.create_task(self._loaded(bundle_id))
        return self._loading.get(bundle_id)

    async def _loaded(self, bundle_id: str) -> None:
        try:
            model = await self._computed(_placed, await self._load(bundle_id))
            if not self._models:
                # With the first came torch, and to look through that for garbage held up every question for a tenth of a second.
                gc.freeze()
            self._models[bundle_id] = model
            while len(self._models) > KEPT:
                self._models.popitem(last=False)
            log.info("a bundle is loaded", bundle_id=bundle_id)
        except Exception as error:  # whatever is wrong with one bundle, the others go on
            log.warning("a bundle is not loaded", bundle_id=bundle_id, error=repr(error))
            if not isinstance(error, Unavailable):
                self._refused.add(bundle_id)  # its bytes are wrong, and do not change
        finally:
            del self._loading[bundle_id]

    async def _computed(self, compute: Callable[..., Any], *args: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, compute, *args)
        except RuntimeError as error:
            raise ServiceUnavailable("The encoder has ended") from error


def encoded(model: SequenceModel, histories: Sequence[tuple[Sequence[int], Sequence[float]]]) -> list[bytes]:
    """Return each history's encoding [D]: what the model says at its last position."""
    import numpy as np
    import torch

    from models.batches import asking_batches
    from models.data import Histories

    start_S = np.concatenate([[0], np.cumsum([len(items) for items, _ in histories])]).astype(np.int64)
    item_N = np.concatenate([np.asarray(items, dtype=np.int64) for items, _ in histories])
    time_s_N = np.concatenate([np.asarray(times_s, dtype=np.float64) for _, times_s in histories])
    asked = Histories(start_S, item_N, time_s_N, np.ones(len(item_N), dtype=np.float32))
    vector_BD = np.empty((len(histories), model.item.embedding_dim), dtype=np.float32)
    longest, device = model.position.num_embeddings, model.item.weight.device
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        for batch in asking_batches(asked, longest, len(histories) * longest, model.items):
            x_BLD = model(batch.item_BL.to(device), batch.time_s_BL.to(device))
            vector_BD[batch.row_B] = x_BLD[torch.arange(len(x_BLD)), batch.last_B].float().cpu().numpy()
    return [vector_D.tobytes() for vector_D in vector_BD]


def _placed(model: SequenceModel) -> SequenceModel:
    import torch

    # Ray shows a replica the GPU that it was given, or none.
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
