"""Histories as batches of windows of about one length, so that hardly any padding is computed.

Shapes: W windows · B rows · L positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from models.data import Histories, Ints
from models.sequence import NO_TARGET


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows padded on the right; `last_B` is where each ends, `row_B` which history it was."""

    item_BL: Tensor
    time_s_BL: Tensor
    target_BL: Tensor
    last_B: Tensor
    row_B: Ints


def training_windows(histories: Histories, longest: int) -> tuple[Ints, Ints, Ints]:
    """Cut histories from their ends into windows of at most `longest` positions: (row, from, to), to exclusive, all but the last view read.

    Every view but a history's first is a target in exactly one window.
    """
    windows = [
        (row, max(start, end - longest), end)
        for row, (start, stop) in enumerate(zip(histories.start_S[:-1], histories.start_S[1:], strict=True))
        for end in range(int(stop) - 1, int(start), -longest)
    ]
    row_W, from_W, to_W = np.array(windows, dtype=np.int64).reshape(-1, 3).T
    return row_W, from_W, to_W


def training_batches(
    histories: Histories, longest: int, positions: int, padding: int, random: np.random.Generator, horizon: int = 1
) -> Iterator[Batch]:
    """Yield an epoch: windows of about one length together, as many as fill so many positions, batches in random order.

    A position's target is drawn from the `horizon` views after it, as many as there are.
    """
    windows = training_windows(histories, longest)
    left_N = histories.age_N
    at_N = np.arange(len(left_N))
    drawn_N = random.integers(1, np.clip(left_N, 1, horizon) + 1)
    target_N = histories.item_N[np.minimum(at_N + drawn_N, max(len(at_N) - 1, 0))]
    yield from _batches(histories, windows, positions, padding, random, target_N)


def asking_batches(histories: Histories, longest: int, positions: int, padding: int) -> Iterator[Batch]:
    """Yield the newest positions of every history, an empty one as one of padding."""
    stop_R = histories.start_S[1:]
    from_R = np.maximum(histories.start_S[:-1], stop_R - longest)
    yield from _batches(histories, (np.arange(len(histories)), from_R, stop_R), positions, padding, None, None)


def _batches(
    histories: Histories,
    windows: tuple[Ints, Ints, Ints],
    positions: int,
    padding: int,
    random: np.random.Generator | None,
    target_N: Ints | None,
) -> Iterator[Batch]:
    row_W, from_W, to_W = windows
    length_W = np.maximum(to_W - from_W, 1)
    # Windows of one length meet others in every epoch.
    shuffled_W = np.arange(len(length_W)) if random is None else random.permutation(len(length_W))
    order_W = shuffled_W[np.argsort(-length_W[shuffled_W], kind="stable")]
    starts: list[int] = [0]
    while starts[-1] < len(order_W):
        starts.append(starts[-1] + max(1, positions // int(length_W[order_W[starts[-1]]])))
    cuts = [order_W[start:stop] for start, stop in pairwise(starts)]
    for at in range(len(cuts)) if random is None else random.permutation(len(cuts)):
        yield _batch(histories, row_W[cuts[at]], from_W[cuts[at]], to_W[cuts[at]], padding, target_N)


def _batch(histories: Histories, row_B: Ints, from_B: Ints, to_B: Ints, padding: int, target_N: Ints | None) -> Batch:
    length_B = to_B - from_B
    at_BL = from_B[:, None] + np.arange(max(1, int(length_B.max())))
    there_BL = at_BL < to_B[:, None]
    at_BL = np.minimum(at_BL, len(histories.item_N) - 1)
    # Times are told from the row's beginning: seconds since 1970 do not fit a float32.
    time_s_BL = np.where(there_BL, histories.time_s_N[at_BL] - histories.time_s_N[at_BL[:, :1]], 0) if len(histories.item_N) else 0 * at_BL
    item_BL = np.where(there_BL, histories.item_N[at_BL], padding) if len(histories.item_N) else at_BL * 0 + padding
    target_BL = item_BL if target_N is None else np.where(there_BL, target_N[at_BL], NO_TARGET)
    return Batch(
        torch.from_numpy(item_BL),
        torch.from_numpy(time_s_BL.astype(np.float32)),
        torch.from_numpy(target_BL),
        torch.from_numpy(np.maximum(length_B - 1, 0)),
        row_B,
    )
