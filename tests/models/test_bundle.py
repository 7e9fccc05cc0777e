"""Bundles: what goes in comes out, and whatever is not sound is refused with its reason."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from models.batches import asking_batches
from models.bundle import Bundle, decode, encode, sequence_model
from models.data import Histories
from models.ease import Ease, EaseParameters
from models.errors import BundleRefused
from models.head import head_of
from models.neighbours import NeighbourWeights
from models.smoke import smoke
from tests.models.bundles import bundle, header_of, resealed
from tests.models.made import interactions, rows

BUNDLE = bundle(1)
DATA = encode(BUNDLE)


def fault(data: bytes) -> str:
    with pytest.raises(BundleRefused) as refused:
        smoke(decode(data))
    assert refused.value.detail
    return refused.value.fault


def with_weight(name: str, value: float) -> Bundle:
    weights = {known: weight.clone() for known, weight in BUNDLE.weights.items()}
    weights[name].view(-1)[0] = value
    return dataclasses.replace(BUNDLE, weights=weights)


def unchecked(changed: Bundle) -> bytes:
    """Encode what `encode` refuses: the tensors of another bundle beside what a sound one says of itself."""
    tensors = {f"sequence.{name}": weight for name, weight in changed.weights.items()}
    tensors |= {
        "ease.neighbour_IK": changed.ease.neighbour_IK,
        "ease.weight_IK": changed.ease.weight_IK,
        "popularity_I": changed.popularity_I,
    }
    head = json.loads(header_of(DATA)["__metadata__"]["matinee"])
    head |= {"sha256": "0" * 64, "item_ids": list(changed.item_ids)}
    return resealed(save(tensors, {"matinee": json.dumps(head, separators=(",", ":"))}), b"0", b"0")


@given(st.integers(0, 5), st.booleans(), st.integers(2, 40))
@settings(max_examples=15)
def test_what_was_encoded_is_decoded_to_the_bit(seed: int, ease: bool, items: int) -> None:
    made = bundle(seed, ease=ease, items=items)
    data = encode(made)
    found = decode(data)
    smoke(found)
    assert encode(found) == encode(made) == data
    assert (found.about, found.item_ids, found.ease.parameters) == (made.about, made.item_ids, made.ease.parameters)
    assert all(torch.equal(found.weights[name], weight) for name, weight in made.weights.items())
    assert head_of(data).about == made.about


def test_any_safetensors_reader_reads_it() -> None:
    assert load(DATA)["popularity_I"].tolist() == list(range(12))


def test_a_header_whose_length_begins_as_a_pickle_does_is_read() -> None:
    ids = (bundle(1, bundle_id=f"{1:032x}", items=items) for items in range(12, 90))
    assert any(data[:1] == b"\x80" and decode(data) for data in map(encode, ids))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
@settings(max_examples=400)
def test_any_byte_that_changed_is_refused(at: int, by: int) -> None:
    changed = bytearray(DATA)
    changed[at] ^= by
    assert fault(bytes(changed)) in {"checksum", "format"}


def test_every_bit_of_the_header_counts() -> None:
    for at in range(8 + int.from_bytes(DATA[:8], "little")):
        changed = bytearray(DATA)
        changed[at] ^= 0x20  # of a letter it changes the case, and nothing else
        with pytest.raises(BundleRefused):
            head_of(bytes(changed))


@given(st.integers(0, len(DATA) - 1))
def test_a_part_is_refused(length: int) -> None:
    assert fault(DATA[:length]) in {"checksum", "format"}


@given(st.binary(max_size=200))
def test_whatever_else_is_refused(data: bytes) -> None:
    assert fault(data) == "format"
    assert fault(DATA + data + b"\0") == "checksum"


class Explodes:
    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit('it was loaded')",)


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_is_never_loaded(protocol: int) -> None:
    with pytest.raises(BundleRefused, match="pickle"):
        decode(pickle.dumps(Explodes(), protocol))


def test_a_file_of_torch_is_never_loaded() -> None:
    kept = io.BytesIO()
    torch.save(dict(BUNDLE.weights), kept)
    with pytest.raises(BundleRefused, match="pickle"):
        decode(kept.getvalue())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(value: float) -> None:
    assert fault(unchecked(with_weight("position.weight", value))) == "not finite"
    with pytest.raises(BundleRefused, match="not finite"):
        encode(with_weight("norm.bias", value))


def test_another_vocabulary_is_refused() -> None:
    for item_ids in (BUNDLE.item_ids[1:], (*BUNDLE.item_ids, "more"), ("t01", *BUNDLE.item_ids[1:]), ("", *BUNDLE.item_ids[1:])):
        assert fault(unchecked(dataclasses.replace(BUNDLE, item_ids=item_ids))) == "vocabulary"
    beyond = BUNDLE.ease.neighbour_IK.clone()
    beyond[3, 2] = 12
    assert fault(unchecked(dataclasses.replace(BUNDLE, ease=dataclasses.replace(BUNDLE.ease, neighbour_IK=beyond)))) == "vocabulary"


def test_other_shapes_are_refused() -> None:
    wider = bundle(1, width=16)
    assert fault(unchecked(dataclasses.replace(BUNDLE, weights=wider.weights))) == "shape"
    less = {name: weight for name, weight in BUNDLE.weights.items() if name != "norm.bias"}
    assert fault(unchecked(dataclasses.replace(BUNDLE, weights=less))) == "shape"
    assert fault(unchecked(dataclasses.replace(BUNDLE, weights={**BUNDLE.weights, "more": torch.zeros(2)}))) == "shape"
    assert fault(unchecked(dataclasses.replace(BUNDLE, weights=dict(BUNDLE.weights) | {"norm.bias": torch.zeros(8).half()}))) == "shape"
    assert fault(unchecked(dataclasses.replace(BUNDLE, popularity_I=torch.zeros(11)))) == "shape"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'\\"format\\":1', b'\\"format\\":2', "format"),
        (b'\\"blocks\\":1', b'\\"blocks\\":2', "shape"),
        (b'\\"blocks\\":1', b'\\"blocks\\":0', "shape"),
        (b'\\"heads\\":1', b'\\"heads\\":3', "shape"),
        (b'\\"dropout\\":0.1', b'\\"dropout\\":1.1', "shape"),
        (b'\\"longest\\":10', b'\\"longest\\":-1', "shape"),
        (b'\\"width\\":8', b'\\"wadth\\":8', "format"),
        (b'\\"decay\\":', b'\\"dacay\\":', "format"),
        (b'\\"ease_share\\":0.0', b'\\"ease_share\\":1.1', "shape"),
        (f'\\"bundle_id\\":\\"{1:032x}'.encode(), f'\\"bundle_id\\":\\"../{1:029x}'.encode(), "format"),
    ],
)
def test_what_it_says_of_itself_must_fit(old: bytes, new: bytes, expected: str) -> None:
    assert fault(resealed(DATA, old, new)) == expected


def test_what_ranks_badly_is_refused() -> None:
    alike = {name: torch.zeros_like(weight) for name, weight in BUNDLE.weights.items()}
    with pytest.raises(BundleRefused, match="all items alike"):
        smoke(dataclasses.replace(BUNDLE, weights=alike))
    deaf = {**BUNDLE.weights, "norm.weight": torch.zeros(8), "norm.bias": torch.ones(8)}
    with pytest.raises(BundleRefused, match="whatever was seen"):
        smoke(dataclasses.replace(BUNDLE, weights=deaf))
    huge = {**BUNDLE.weights, "item.weight": BUNDLE.weights["item.weight"] * 1e38, "norm.weight": torch.full((8,), 1e38)}
    assert fault(unchecked(dataclasses.replace(BUNDLE, weights=huge))) == "ranking"


def test_the_model_that_comes_back_gives_the_same_logits() -> None:
    made = bundle(3, time_bias=True, blocks=2, heads=2)
    found = sequence_model(decode(encode(made)))
    assert not found.training
    seen = Histories.of(np.zeros(3, np.int64), np.array([4, 1, 7]), np.array([1.0, 50.0, 9000.0]), np.ones(3, np.float32), 1)
    (batch,) = asking_batches(seen, 10, 100, 12)
    before = sequence_model(made)(batch.item_BL, batch.time_s_BL)
    assert torch.equal(found(batch.item_BL, batch.time_s_BL), before)


@given(rows(), st.sampled_from([None, 2]), st.sampled_from([1.0, 0.5]))
@settings(max_examples=30)
def test_with_all_its_neighbours_kept_ease_scores_as_before(made: list[tuple[str, str, int]], last: int | None, decay: float) -> None:
    train = interactions([*made, ("f", "t0", 1), ("f", "t1", 2)])
    ease = Ease(EaseParameters(5.0, last, decay))
    from models.data import leave_one_out

    split = leave_one_out(train)
    ease.fit(train, split.test)
    kept = NeighbourWeights.of(ease, neighbours=100)
    assert np.allclose(kept.scores(split.test.seen), ease.scores(split.test), atol=2e-3)


def test_what_it_says_of_itself_is_read_without_torch() -> None:
    program = "import sys, models.head; assert not {'torch', 'numpy', 'ray'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
