"""Finds where titles that nobody has watched would stand, by their contents: the encoder for cold titles.

Main path: contents of the watched titles and their embeddings -> ridge regression, its strength chosen on titles held back ->
ContentWeights, or none where contents tell nothing. In closed form: a title has a few dozen words and there are some thousand titles, so
that a deeper encoder would learn their names. That a title without views is to stand where its views would put it is DropoutNet's aim
(Volkovs et al. 2017).
Shapes: I items · F buckets · D width · N words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from models.about import ContentFit
from models.errors import DataRefused
from models.evaluate import bootstrap
from models.features import BUCKETS, VERSION, Content, features
from models.metrics import Doubles

LEAST_TITLES: Final = 40
"""Of fewer titles whose contents are known nothing is learned."""
PARTS: Final = 5
"""One part of the titles is held back to choose the strength by, and one to judge by."""
STRENGTHS: Final = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True, eq=False)
class ContentWeights:
    """What contents say of where a title stands: its vector is the mean and the sum of its features' rows."""

    weight_FD: Tensor
    """float16."""
    mean_1D: Tensor
    """float32: where titles stand of which nothing is known."""


def learn(contents: Mapping[str, Content], item_ids: Sequence[str], vector_ID: Tensor, seed: int = 0) -> tuple[ContentWeights, ContentFit]:
    """Return the weights, and how near they come to titles that they have not learned from.

    Raises:
        DataRefused: too few contents are known, or they tell nothing of where titles stand, for certain.
    """
    known = [item for item, item_id in enumerate(item_ids) if item_id in contents]
    if len(known) < LEAST_TITLES:
        raise DataRefused(f"the contents of {len(known)} watched titles are known, and {LEAST_TITLES} is the least")
    feature_IF = _dense([contents[item_ids[item]] for item in known])
    target_ID = vector_ID[known].to("cpu", torch.float32)
    part_I = torch.from_numpy(np.random.default_rng(seed).permutation(len(known)) % PARTS)
    strength, cosine_I = _chosen(feature_IF, target_ID, part_I)
    found = bootstrap(cosine_I, seed)
    if not found.low > 0:
        raise DataRefused(f"contents tell nothing of who watches a title, for certain: cosine of titles held back {found}")
    mean_1D = target_ID.mean(dim=0, keepdim=True)
    weight_FD = _ridge(feature_IF, target_ID - mean_1D, [strength])[0]
    return ContentWeights(weight_FD.to(torch.float16), mean_1D), ContentFit(VERSION, strength, (found.mean, found.low, found.high))


def _chosen(feature_IF: Tensor, target_ID: Tensor, part_I: Tensor) -> tuple[float, Doubles]:
    """Return the strength by which titles held back come nearest to where they are, and the cosines, from the mean, of others held back."""
    learned_I = part_I > 1
    mean_1D = target_ID[learned_I].mean(dim=0, keepdim=True)
    weights = _ridge(feature_IF[learned_I], target_ID[learned_I] - mean_1D, STRENGTHS)

    def cosines(weight_FD: Tensor, part: int) -> Doubles:
        told_ID, true_ID = feature_IF[part_I == part] @ weight_FD, target_ID[part_I == part] - mean_1D
        return np.asarray(torch.cosine_similarity(told_ID, true_ID).double().numpy())

    best = int(np.argmax([float(cosines(weight_FD, 0).mean()) for weight_FD in weights]))
    return STRENGTHS[best], cosines(weights[best], 1)


def _ridge(feature_IF: Tensor, target_ID: Tensor, strengths: Sequence[float]) -> list[Tensor]:
    """Return [F, D] for each strength, by whichever of the two normal equations is the smaller."""
    items, buckets = feature_IF.shape
    if items < buckets:
        gram_II = feature_IF @ feature_IF.T
        return [feature_IF.T @ _solved(gram_II, target_ID, strength) for strength in strengths]
    gram_FF, sum_FD = feature_IF.T @ feature_IF, feature_IF.T @ target_ID
    return [_solved(gram_FF, sum_FD, strength) for strength in strengths]


def _solved(gram: Tensor, right: Tensor, strength: float) -> Tensor:
    return torch.cholesky_solve(right, torch.linalg.cholesky(gram + strength * torch.eye(len(gram))))


def _dense(contents: Sequence[Content]) -> Tensor:
    feature_IF = np.zeros((len(contents), BUCKETS), dtype=np.float32)
    for row, content in enumerate(contents):
        found = features(content)
        np.add.at(feature_IF[row], found.bucket_N, found.value_N)
    return torch.from_numpy(feature_IF)
