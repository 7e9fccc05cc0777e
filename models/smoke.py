"""Asks a model that nobody has seen yet a few made-up questions, before any member does.

Shapes: R rows · I items · K places.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from models.batches import asking_batches
from models.bundle import Bundle, sequence_model
from models.data import Floats, Histories
from models.errors import BundleRefused
from models.ranking import NOTHING, top_k

LENGTHS: Final = (0, 1, 2, 5, 20, 250)
"""Of the histories; the last is longer than models read."""
PLACES: Final = 20
_POSITIONS: Final = 16_384


def smoke(bundle: Bundle) -> None:
    """Rank for a few histories; the same each time.

    Raises:
        BundleRefused: scores are not finite, or the same for all items or for whatever was seen, or a seen item comes back.
    """
    items = len(bundle.item_ids)
    random = np.random.default_rng(0)
    # At most half of the vocabulary: something must be left to recommend.
    histories = [random.permutation(items)[: min(length, items // 2)] for length in LENGTHS]
    row_N = np.repeat(np.arange(len(histories)), [len(each) for each in histories])
    item_N = np.concatenate(histories).astype(np.int64)
    time_s_N = np.arange(len(item_N), dtype=np.float64) * 3600
    seen = Histories.of(row_N, item_N, time_s_N, np.ones(len(item_N), dtype=np.float32), len(histories))
    by_model_RI = _scores(bundle, seen)
    if (by_model_RI.max(axis=1) == by_model_RI.min(axis=1)).any():
        raise BundleRefused("ranking", "its model scores all items alike")
    if (by_model_RI == by_model_RI[0]).all():
        raise BundleRefused("ranking", "its model scores items alike whatever was seen")
    for score_RI in (by_model_RI, bundle.ease.scores(seen)):
        if not np.isfinite(score_RI).all():
            raise BundleRefused("ranking", "it gives scores that are no finite numbers")
        ranked_RK = top_k(score_RI, seen, min(PLACES, items))
        for row, ranked_K in enumerate(ranked_RK):
            if set(ranked_K) & set(seen.items(row)) or ranked_K[0] == NOTHING:
                raise BundleRefused("ranking", "it recommends what was seen already, or nothing")


def _scores(bundle: Bundle, seen: Histories) -> Floats:
    model = sequence_model(bundle)
    score_RI = np.empty((len(seen), model.items), dtype=np.float32)
    longest = model.position.num_embeddings
    with torch.inference_mode():
        for batch in asking_batches(seen, longest, _POSITIONS, model.items):
            x_BLD = model(batch.item_BL, batch.time_s_BL)
            score_RI[batch.row_B] = model.logits(x_BLD[torch.arange(len(x_BLD)), batch.last_B]).numpy()
    return score_RI
