"""Reads of a bundle's file what a replica ranks with, by numpy: as strict as models.bundle is with torch. Pure.

Main path: bytes -> the header, its checksum -> the tensors that are needed, checked -> LiveModel.
Shapes: I items · D width · K neighbours.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from models.errors import BundleRefused
from models.head import head_of
from serve_apps.recommendations.live_model import LiveModel

MADE_UP: Final = 5
"""Items of the history that is tried."""


T = TypeVar("T", bound=np.generic)


class _Asking(msgspec.Struct, frozen=True):
    """What is read of models.ease.EaseParameters."""

    last: int | None
    decay: float


def live_model(bundle_id: str, data: bytes) -> LiveModel:
    """Return what ranks, by copies: the bytes can go.

    Raises:
        BundleRefused: it is no bundle, a byte of it has changed, its parts don't fit each other, or it ranks nothing.
    """
    head = head_of(data)
    if head.about.bundle_id != bundle_id:
        raise BundleRefused("format", f"it is the bundle {head.about.bundle_id}")
    items = len(head.item_ids)
    if items < 2 or len(set(head.item_ids)) < items:
        raise BundleRefused("vocabulary", "its vocabulary has fewer than two items, or one twice")
    try:
        tensors = load(data)
        asking = msgspec.convert(head.about.ease, _Asking)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleRefused("format", f"it cannot be read: {error}") from error
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise BundleRefused("not finite", f"{name} has a value that is no finite number")
    vector_ID = _tensor(tensors, "sequence.item.weight", np.float32, items + 1)[:items].copy()
    neighbour_IK = _tensor(tensors, "ease.neighbour_IK", np.int32, items).copy()
    weight_IK = _tensor(tensors, "ease.weight_IK", np.float16, items).astype(np.float32)
    if neighbour_IK.shape != weight_IK.shape:
        raise BundleRefused("shape", "its neighbours have other shapes than their weights")
    if neighbour_IK.size and not 0 <= neighbour_IK.min() <= neighbour_IK.max() < items:
        raise BundleRefused("vocabulary", "it names neighbours that are not in its vocabulary")
    about = head.about
    model = LiveModel(
        bundle_id, head.item_ids, vector_ID, neighbour_IK, weight_IK, asking.last, asking.decay, about.ease_share, about.row_values
    )
    _try(model)
    return model


def _tensor(tensors: dict[str, NDArray[Any]], name: str, kind: type[T], rows: int) -> NDArray[T]:
    tensor = tensors.get(name)
    if tensor is None or tensor.ndim != 2 or len(tensor) != rows or tensor.dtype != kind:
        raise BundleRefused("shape", f"{name} is not there, or of another shape")
    return tensor


def _try(model: LiveModel) -> None:
    """See models.smoke, which asks the encoder's part."""
    items = len(model.item_ids)
    for score_I in (model.encoded_scores(model.vector_ID[0]), model.ease_scores(range(min(MADE_UP, items)))):
        if not np.isfinite(score_I).all():
            raise BundleRefused("ranking", "it gives scores that are no finite numbers")
    if np.ptp(model.encoded_scores(model.vector_ID[0])) == 0:
        raise BundleRefused("ranking", "it scores all items alike")
