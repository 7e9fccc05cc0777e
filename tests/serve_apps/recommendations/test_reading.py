"""What a replica reads of a bundle is what was written; what is no sound bundle is refused, by what is wrong with it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models import bundle as bundles
from models.candidate import served_by
from models.data import Histories, Questions
from models.errors import BundleRefused
from models.neighbours import NeighbourWeights
from models.row_values import RowValues
from serve_apps.recommendations.encoder import encoded
from serve_apps.recommendations.live_model import LiveModel
from serve_apps.recommendations.reading import live_model
from tests.serve_apps.recommendations.kept import made_bundle

ITEMS = [f"t{number:02d}" for number in range(20)]
BUNDLE = made_bundle(ITEMS)
DATA = bundles.encode(BUNDLE)
ID = BUNDLE.about.bundle_id


def test_a_replica_scores_as_the_model_that_was_written():
    model = live_model(ID, DATA)
    assert (model.bundle_id, model.item_ids) == (ID, tuple(ITEMS))
    for history in ([3], [1, 2, 3, 4, 5, 6, 7, 8]):
        times_s = [1.7e9 + at for at in range(len(history))]
        seen = Histories.of(np.zeros(len(history), dtype=np.int64), np.array(history), np.array(times_s), np.ones(len(history)), 1)
        assert np.allclose(model.ease_scores(history), BUNDLE.ease.scores(seen)[0], atol=1e-3)
        torch_model = bundles.sequence_model(BUNDLE)
        (vector,) = encoded(torch_model, [(history, times_s)])
        with torch.inference_mode():
            told = torch_model(torch.tensor([history]), torch.arange(len(history), dtype=torch.float32)[None])[:, -1]
            expected = torch_model.logits(told)[0].numpy()
        assert np.allclose(model.encoded_scores(np.frombuffer(vector, dtype=np.float32)), expected, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_replica_ranks_as_what_the_gate_has_judged(share: float):
    bundle = replace(BUNDLE, about=replace(BUNDLE.about, ease_share=share))
    model = live_model(ID, bundles.encode(bundle))
    items, times_s = [1, 2, 3, 4, 5, 6, 7, 8], [1.7e9 + at for at in range(8)]
    seen = Histories.of(np.zeros(8, dtype=np.int64), np.array(items), np.array(times_s), np.ones(8), 1)
    judged = served_by(bundle)
    expected = judged.scores(Questions(np.zeros(1, dtype=np.int64), np.array([1.8e9]), seen, seen))[0]
    (vector,) = encoded(bundles.sequence_model(bundle), [(items, times_s)])
    assert np.allclose(model.scores(np.frombuffer(vector, dtype=np.float32), items), expected, atol=1e-2)


def poisoned(**changed: object) -> bytes:
    """Return what is written when nobody checks: the sum is right, what is in it is not."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundles, "_check", lambda _: None)
        return bundles.encode(replace(BUNDLE, **changed))


def weights(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, object]:
    return {"weights": {**BUNDLE.weights, name: change(BUNDLE.weights[name].clone())}}


def neighbours(change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, object]:
    return {"ease": NeighbourWeights(change(BUNDLE.ease.neighbour_IK.clone()), BUNDLE.ease.weight_IK, BUNDLE.ease.parameters)}


POISONED = {
    "a NaN in the vectors": ("not finite", poisoned(**weights("item.weight", lambda w: w.index_fill(0, torch.tensor(3), float("nan"))))),
    "a NaN that only the encoder reads": ("not finite", poisoned(**weights("norm.bias", lambda w: w.fill_(float("inf"))))),
    "another vocabulary": ("shape", poisoned(item_ids=(*ITEMS, "more"))),
    "a title twice": ("vocabulary", poisoned(item_ids=(*ITEMS[:-1], ITEMS[0]))),
    "neighbours from elsewhere": ("vocabulary", poisoned(**neighbours(lambda n: n + 1))),
    "neighbours of other numbers": ("shape", poisoned(**neighbours(lambda n: n.to(torch.int64)))),
    "fewer neighbours than weights": ("shape", poisoned(**neighbours(lambda n: n[:, 1:]))),
    "vectors of nothing": ("ranking", poisoned(**weights("item.weight", lambda w: w.fill_(0.0)))),
    "a share beyond all": ("shape", poisoned(about=replace(BUNDLE.about, ease_share=1.5))),
    "a pickle": ("format", pickle.dumps({"weights": [1.0]})),
    "nothing": ("format", b""),
    "half of it": ("format", DATA[: len(DATA) // 2]),
    "another bundle under its name": ("format", bundles.encode(made_bundle(ITEMS, 1))),
}


@pytest.mark.parametrize("poison", POISONED)
def test_what_is_no_sound_bundle_is_refused(poison):
    fault, data = POISONED[poison]
    with pytest.raises(BundleRefused) as refused:
        live_model(ID, data)
    assert refused.value.fault in {fault, "checksum"} if poison == "half of it" else refused.value.fault == fault


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_no_byte_can_change_unnoticed(at, by):
    changed = bytearray(DATA)
    changed[at] ^= by
    with pytest.raises(BundleRefused):
        live_model(ID, bytes(changed))


@pytest.mark.parametrize("values", [None, RowValues({"new": (-1.5, 0.0, 0.25)}, -0.5)])
def test_what_rows_are_worth_comes_with_the_model(values: RowValues | None):
    data = bundles.encode(replace(BUNDLE, about=replace(BUNDLE.about, row_values=values)))
    assert live_model(BUNDLE.about.bundle_id, data).row_values == bundles.decode(data).about.row_values == values


def test_a_catalogue_that_is_too_large_for_ease_is_ranked_by_the_encoder_alone():
    bundle = replace(BUNDLE, ease=NeighbourWeights.none(len(ITEMS)))
    model = live_model(ID, bundles.encode(bundle))
    assert isinstance(model, LiveModel)
    assert not model.ease_scores([1, 2]).any()
