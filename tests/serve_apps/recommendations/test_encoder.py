"""An encoder computes what the model says, by the bundle that is named, and lives through bundles that are none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import torch

from cluster.errors import StoreUnavailable
from models.sequence import SequenceModel, SequenceParameters
from serve_apps.recommendations.encoder import KEPT, Ask, Encoder, Encoding

ITEMS = 30


def made(seed: int = 0) -> SequenceModel:
    torch.manual_seed(seed)
    return SequenceModel(SequenceParameters(width=8, blocks=1, longest=6, time_bias=True), ITEMS)


class Fetching:
    def __init__(self, **models: SequenceModel | Exception) -> None:
        self.models, self.loads = models, list[str]()

    async def load(self, bundle_id: str) -> SequenceModel:
        self.loads.append(bundle_id)
        found = self.models[bundle_id]
        if isinstance(found, Exception):
            raise found
        return found


def with_encoder(fetching: Fetching, run: Callable[[Encoder], Awaitable[None]]) -> None:
    async def main() -> None:
        encoder = Encoder(fetching.load)
        try:
            await run(encoder)
            await encoder.check()
        finally:
            await encoder.close()

    asyncio.run(main())


def ask(items: Sequence[int], bundle_id: str = "one") -> Ask:
    return Ask(bundle_id, items, [1.7e9 + 3600.0 * at for at in range(len(items))])


def vector(told: Encoding) -> np.ndarray:
    assert told.vector is not None
    return np.frombuffer(told.vector, dtype=np.float32)


def alone(model: SequenceModel, asked: Ask) -> np.ndarray:
    items, times_s = asked.items[-6:], np.array(asked.times_s[-6:])
    with torch.inference_mode():
        told = model.eval()(torch.tensor([items]), torch.tensor(times_s - times_s[0], dtype=torch.float32)[None])
    return told[0, -1].numpy()


def test_each_history_of_a_batch_is_encoded_as_if_alone_by_its_own_bundle():
    one, two = made(1), made(2)

    async def run(encoder: Encoder) -> None:
        assert await encoder.ready("one")
        assert await encoder.ready("two")
        asks = [ask([3]), ask([1, 2, 3], "two"), ask(list(range(20))), ask([4, 4, 9])]
        told = await encoder.encode(asks)
        for asked, encoding, model in zip(asks, told, (one, two, one, one), strict=True):
            assert encoding.bundle_id == asked.bundle_id
            assert np.allclose(vector(encoding), alone(model, asked), atol=1e-5)

    with_encoder(Fetching(one=one, two=two), run)


def test_what_is_not_there_yet_is_loaded_by_being_asked_for():
    fetching = Fetching(one=made())

    async def run(encoder: Encoder) -> None:
        (told,) = await encoder.encode([ask([1])])
        assert told == Encoding("one", None)

        assert await encoder.ready("one")
        assert (await encoder.encode([ask([1])]))[0].vector is not None
        assert fetching.loads == ["one"]

    with_encoder(fetching, run)


def test_the_last_bundles_stay_and_older_ones_go():
    fetching = Fetching(**{name: made() for name in ("one", "two", "three")})

    async def run(encoder: Encoder) -> None:
        for name in fetching.models:
            assert await encoder.ready(name)
        told = await encoder.encode([ask([1], name) for name in fetching.models])
        assert [each.vector is not None for each in told] == [False, True, True]
        assert KEPT == 2

    with_encoder(fetching, run)


def test_a_bundle_that_is_refused_is_not_read_again_and_one_out_of_reach_is():
    fetching = Fetching(bad=ValueError("NaN"), far=StoreUnavailable(), one=made())

    async def run(encoder: Encoder) -> None:
        for _ in range(3):
            assert not await encoder.ready("bad")
            assert not await encoder.ready("far")
        assert fetching.loads == ["bad", "far", "far", "far"]
        fetching.models["far"] = made()
        assert await encoder.ready("far")
        assert await encoder.ready("one")

    with_encoder(fetching, run)


def test_who_no_longer_waits_for_a_bundle_does_not_stop_its_loading():
    async def main() -> None:
        gate, model = asyncio.Event(), made()

        async def load(bundle_id: str) -> SequenceModel:
            await gate.wait()
            return model

        encoder = Encoder(load)
        waiting = asyncio.create_task(encoder.ready("one"))
        await asyncio.sleep(0)
        waiting.cancel()
        gate.set()
        assert await encoder.ready("one")
        await encoder.close()

    asyncio.run(main())


def test_until_a_bundle_is_asked_for_neither_torch_nor_numpy_is_imported():
    code = (
        "import sys; import serve_apps.recommendations.encoder, serve_apps.recommendations.service, serve_apps.recommendations.routes;"
        "sys.exit(bool({'torch', 'numpy'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
