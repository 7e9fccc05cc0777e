"""Bundles for tests: small, untrained, and kept as real ones are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch

from cluster.ids import new_id
from cluster.settings import Settings
from models.about import About, Verdict
from models.bundle import Bundle, bundle_of, encode
from models.ease import Ease, EaseParameters
from models.sequence import SequenceModel, SequenceParameters
from serve_apps.recommendations.bundles.registry import open_registry

PARAMETERS = SequenceParameters(width=8, blocks=1, longest=10)


def made_bundle(item_ids: Sequence[str], seed: int = 0, bundle_id: str | None = None) -> Bundle:
    """Weights by chance."""
    items = len(item_ids)
    torch.manual_seed(seed)
    model = SequenceModel(PARAMETERS, items)
    with torch.no_grad():
        model.item.weight.normal_()
    ease = Ease(EaseParameters(last=5, decay=0.5))
    ease.weight_II = torch.rand(items, items).fill_diagonal_(0)
    about = About(
        bundle_id=bundle_id or new_id(),
        made_at_s=1.7e9,
        code_version="test",
        split="none",
        split_hash="0" * 16,
        data_from_s=1.6e9,
        data_to_s=1.7e9,
        users=1,
        items=items,
        interactions=1,
        parameters=asdict(PARAMETERS),
        fitting={},
        ease=asdict(ease.parameters),
        metrics={},
    )
    return bundle_of(about, tuple(item_ids), model, ease, torch.from_numpy(np.ones(items, dtype=np.float32)))


def made_bytes(item_ids: Sequence[str], seed: int = 0, bundle_id: str | None = None) -> bytes:
    return encode(made_bundle(item_ids, seed, bundle_id))


async def keep(settings: Settings, data: bytes, *, promote: bool = True) -> str:
    """Add a bundle, whatever a gate would say of it, and make it live; returns its id."""
    verdict = Verdict(accepted=True, reason="For a test.", metric="NDCG@10", differences={}, against_bundle_id=None)
    registry = await open_registry(settings)
    try:
        entry = await registry.add(data, verdict)
        if promote:
            await registry.promote(entry.bundle_id, force=True)
        return entry.bundle_id
    finally:
        await registry.close()
