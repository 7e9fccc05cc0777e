"""A trained model as one file: weights, vocabulary, what is known of it, and a checksum over all of that.

Main path: `bundle_of` -> `encode` -> bytes -> `decode` -> `smoke` -> `sequence_model`.
The file is a safetensors file whose header says everything but the weights as JSON (docs/adr/0022-bundles.md). Refuses to know pickle.
Shapes: I items · K neighbours · L positions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeVar

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from models.about import About, ContentFit
from models.content import ContentWeights
from models.data import Interactions
from models.ease import Ease, EaseParameters
from models.errors import BundleRefused
from models.features import BUCKETS
from models.head import FORMAT, KEY, NO_SUM, SUM, Head, check_share, head_of
from models.neighbours import NeighbourWeights
from models.row_values import RowValues
from models.sequence import SequenceModel, SequenceParameters

MOST_BLOCKS: Final = 64
"""Deeper models are none of ours: a number that is wrong must not keep us building."""
MOST_INSIDE: Final = 1 << 20
_Parameters = TypeVar("_Parameters", SequenceParameters, EaseParameters)
_SEQUENCE: Final = "sequence."
_NEIGHBOUR, _WEIGHT, _POPULARITY = "ease.neighbour_IK", "ease.weight_IK", "popularity_I"
_CONTENT, _MEAN = "content.weight_FD", "content.mean_1D"
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model that can be served; the weights are the state of a SequenceModel."""

    about: About
    item_ids: tuple[str, ...]
    weights: Mapping[str, Tensor]
    ease: NeighbourWeights
    popularity_I: Tensor
    """How much of late everybody watched each item: float32, higher is more."""
    content: ContentWeights | None = None
    """Where titles stand that nobody has watched, if it is known."""


def bundle_of(
    about: About,
    item_ids: tuple[str, ...],
    model: SequenceModel,
    ease: Ease | None,
    popularity_I: Tensor,
    content: ContentWeights | None = None,
) -> Bundle:
    """Copy together what was trained on one vocabulary; EASE is None where the catalogue is too large for it."""
    neighbours = NeighbourWeights.of(ease) if ease is not None else NeighbourWeights.none(len(item_ids))
    weights = {name: weight.detach().to("cpu", torch.float32, copy=True).contiguous() for name, weight in model.state_dict().items()}
    return Bundle(about, item_ids, weights, neighbours, popularity_I.to("cpu", torch.float32, copy=True), content)


def about_of(
    bundle_id: str,
    made_at_s: float,
    code_version: str,
    split: tuple[str, str],
    train: Interactions,
    parameters: tuple[SequenceParameters, Any, EaseParameters],
    metrics: dict[str, dict[str, tuple[float, float, float]]],
    ease_share: float = 0.0,
    row_values: RowValues | None = None,
    content: ContentFit | None = None,
    mixed: bool = True,
) -> About:
    """Say how a model was made: `split` is its name and hash, `parameters` those of the model, of its fitting, and of EASE."""
    time_s_N = train.histories.time_s_N
    return About(
        bundle_id=bundle_id,
        made_at_s=made_at_s,
        code_version=code_version,
        split=split[0],
        split_hash=split[1],
        data_from_s=float(time_s_N.min()),
        data_to_s=float(time_s_N.max()),
        users=int((train.histories.length_R > 0).sum()),
        items=train.items,
        interactions=len(time_s_N),
        parameters=asdict(parameters[0]),
        fitting=asdict(parameters[1]),
        ease=asdict(parameters[2]),
        metrics=metrics,
        ease_share=ease_share,
        mixed=mixed,
        row_values=row_values,
        content=content,
    )


def encode(bundle: Bundle) -> bytes:
    """Return the bundle as bytes; the same bundle gives the same bytes.

    Raises:
        BundleRefused: it could not be read back.
    """
    _check(bundle)
    head = msgspec.json.encode(Head(FORMAT, NO_SUM, bundle.about, bundle.item_ids)).decode()
    tensors = {_SEQUENCE + name: weight for name, weight in bundle.weights.items()}
    tensors |= {_NEIGHBOUR: bundle.ease.neighbour_IK, _WEIGHT: bundle.ease.weight_IK, _POPULARITY: bundle.popularity_I}
    if bundle.content is not None:
        tensors |= {_CONTENT: bundle.content.weight_FD, _MEAN: bundle.content.mean_1D}
    # One entry only: the order of several would be chance.
    data = bytearray(save({name: tensor.contiguous() for name, tensor in tensors.items()}, {KEY: head}))
    place = SUM.search(data)
    assert place is not None
    data[place.start(1) : place.end(1)] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def decode(data: bytes) -> Bundle:
    """Read a bundle; whatever comes back has the shapes that it says, and finite numbers.

    Raises:
        BundleRefused: it is none, a byte of it has changed, or its parts don't fit each other.
    """
    head = head_of(data)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleRefused("format", f"its tensors cannot be read: {error}") from error
    try:
        neighbour_IK, weight_IK, popularity_I = (tensors.pop(name) for name in (_NEIGHBOUR, _WEIGHT, _POPULARITY))
    except KeyError as error:
        raise BundleRefused("shape", f"it lacks the tensor {error}") from error
    weight_FD, mean_1D = tensors.pop(_CONTENT, None), tensors.pop(_MEAN, None)
    if (weight_FD is None) != (mean_1D is None):
        raise BundleRefused("shape", "it has only a part of what tells of contents")
    content = ContentWeights(weight_FD, mean_1D) if weight_FD is not None and mean_1D is not None else None
    weights = {name.removeprefix(_SEQUENCE): tensor for name, tensor in tensors.items() if name.startswith(_SEQUENCE)}
    if len(weights) < len(tensors):
        raise BundleRefused("shape", "it has tensors that are no part of a model")
    neighbours = NeighbourWeights(neighbour_IK, weight_IK, _converted(head.about.ease, EaseParameters))
    bundle = Bundle(head.about, head.item_ids, weights, neighbours, popularity_I, content)
    _check(bundle)
    return bundle


def sequence_model(bundle: Bundle) -> SequenceModel:
    """Return the model with the bundle's weights, ready to be asked."""
    with torch.device("meta"):
        model = SequenceModel(_parameters(bundle.about), len(bundle.item_ids))
    model.load_state_dict(dict(bundle.weights), strict=True, assign=True)
    return model.eval().requires_grad_(False)


def _check(bundle: Bundle) -> None:
    about, items = bundle.about, len(bundle.item_ids)
    check_share(about)
    if not _ID.fullmatch(about.bundle_id):
        raise BundleRefused("format", f"{about.bundle_id[:64]!r} is no id of a bundle")
    if items < 2 or "" in bundle.item_ids or len(set(bundle.item_ids)) < items:
        raise BundleRefused("vocabulary", "its vocabulary has fewer than two items, or one twice, or one without an id")
    embedded = bundle.weights.get("item.weight")
    if about.items != items or embedded is None or len(embedded) != items + 1:
        raise BundleRefused("vocabulary", f"its vocabulary has {items} items, and its model another number")
    with torch.device("meta"):
        expected = SequenceModel(_parameters(about), items).state_dict()
    if expected.keys() != bundle.weights.keys():
        raise BundleRefused("shape", f"its tensors are not those of its model: {sorted(expected.keys() ^ bundle.weights.keys())[:3]}")
    for name, weight in bundle.weights.items():
        _check_tensor(name, weight, tuple(expected[name].shape), torch.float32)
    neighbours = bundle.ease.neighbour_IK
    kept = neighbours.shape[1] if neighbours.ndim == 2 else 0
    _check_tensor(_NEIGHBOUR, neighbours, (items, kept), torch.int32)
    _check_tensor(_WEIGHT, bundle.ease.weight_IK, (items, kept), torch.float16)
    _check_tensor(_POPULARITY, bundle.popularity_I, (items,), torch.float32)
    if (bundle.content is None) != (about.content is None):
        raise BundleRefused("shape", "what it says of contents is not what it has")
    if bundle.content is not None:
        width = _parameters(about).width
        _check_tensor(_CONTENT, bundle.content.weight_FD, (BUCKETS, width), torch.float16)
        _check_tensor(_MEAN, bundle.content.mean_1D, (1, width), torch.float32)
    if kept and not 0 <= int(neighbours.min()) <= int(neighbours.max()) < items:
        raise BundleRefused("vocabulary", "it names neighbours that are not in its vocabulary")


def _check_tensor(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        raise BundleRefused("shape", f"{name} is {tensor.dtype}{list(tensor.shape)} instead of {dtype}{list(shape)}")
    if not torch.isfinite(tensor).all():
        raise BundleRefused("not finite", f"{name} has a value that is no finite number")


def _parameters(about: About) -> SequenceParameters:
    found = _converted(about.parameters, SequenceParameters)
    sound = (
        1 <= found.blocks <= MOST_BLOCKS
        and 1 <= found.heads <= found.width
        and found.width % found.heads == 0
        and found.longest >= 1
        and found.feed_forward >= 1
        and max(found.longest, found.width * found.feed_forward) <= MOST_INSIDE
        and 0 <= found.dropout < 1
    )
    if not sound:
        raise BundleRefused("shape", f"no model can have the parameters {found}")
    return found


def _converted(value: dict[str, Any], kind: type[_Parameters]) -> _Parameters:
    # What is missing or unknown would be a default here, and another model than was trained.
    if value.keys() != {field.name for field in fields(kind)}:
        raise BundleRefused("format", f"its parameters are others than those of {kind.__name__} here")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BundleRefused("format", f"its parameters cannot be read: {error}") from error
