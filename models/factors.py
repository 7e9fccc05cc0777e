"""Vectors of titles from who watched what alone, without order: where the sequence model's item embeddings may begin.

The right singular vectors of users by items, each item's column over the square root of its views so that what everybody watches is not
all there is (PureSVD, Cremonesi et al. 2010, with columns weighed). Shapes: U users · I items · D width.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from models.data import Interactions

SMOOTHING: Final = 10
"""Views added to each item's: what few have watched is not known well."""
SPREAD: Final = 0.05
"""The standard deviation of what is returned: a little above that of embeddings that begin by chance."""
OVERSAMPLED: Final = 16
ITERATIONS: Final = 4


def item_factors(train: Interactions, width: int) -> Tensor:
    """Return [I, D] by a randomised decomposition (Halko et al. 2011) of the sparse matrix; torch's generator decides its chance.

    Where there are fewer users or items than the width, the rest is zeros.
    """
    histories = train.histories
    row_N, item_N = torch.from_numpy(histories.row_N), torch.from_numpy(histories.item_N)
    views_I = torch.bincount(item_N, minlength=train.items) + SMOOTHING
    value_N = views_I.double().rsqrt()[item_N]
    seen_UI = torch.sparse_coo_tensor(
        torch.stack([row_N, item_N]), value_N, (len(histories), train.items), check_invariants=True
    ).coalesce()
    rank = min(width + OVERSAMPLED, len(histories), train.items)
    _, size_D, right_ID = torch.svd_lowrank(seen_UI, q=rank, niter=ITERATIONS)
    factor_ID = torch.zeros(train.items, width)
    kept = min(rank, width)
    factor_ID[:, :kept] = (right_ID[:, :kept] * size_D[:kept].sqrt()).float()
    spread = factor_ID.std()
    return factor_ID * (SPREAD / spread) if spread > 0 else factor_ID
