"""Goes on with a model from what was watched since: its weights stay, titles that it does not know get rows of their own.

Main path: `grown` vocabulary -> split -> `go_on`: the usual training (fitting.py), begun from the model, on the whole histories of whoever
has watched since its data ended; the others have nothing new to tell, and are left out. Shapes: I items · U users.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np
import torch
from torch import Tensor

from models.bundle import Bundle
from models.data import Histories, Interactions, Split
from models.errors import DataRefused
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.sequence import SequenceModel, SequenceParameters


def grown(interactions: Interactions, item_ids: tuple[str, ...]) -> Interactions:
    """Return the same interactions in a vocabulary that has these items too.

    Raises:
        DataRefused: none of them was watched here: they are another catalogue's.
    """
    if not set(item_ids) & set(interactions.item_ids):
        raise DataRefused("the live model knows none of the titles that were watched: it cannot be gone on with")
    ids = tuple(sorted({*item_ids, *interactions.item_ids}))
    place = {item_id: at for at, item_id in enumerate(ids)}
    place_I = np.array([place[item_id] for item_id in interactions.item_ids], dtype=np.int64)
    histories = interactions.histories
    moved = Histories(histories.start_S, place_I[histories.item_N], histories.time_s_N, histories.weight_N)
    return Interactions(moved, interactions.user_ids, ids)


def fitting_parameters(usual: FittingParameters) -> FittingParameters:
    """Return how a model is gone on with, where a new one is trained like this: in smaller steps, and fewer."""
    return dataclasses.replace(
        usual, learning_rate=usual.learning_rate / 4, start_from_factors=False, most_epochs=min(usual.most_epochs, 20), patience=5
    )


def go_on(bundle: Bundle, split: Split, fitting: FittingParameters, tell: Callable[[Epoch], None] = lambda _: None) -> SequenceRecommender:
    """Train the bundle's model further; its items must be among the split's.

    Raises:
        DataRefused: nothing was watched since its data ended.
    """
    parameters = SequenceParameters(**bundle.about.parameters)
    recommender = SequenceRecommender(parameters, fitting, tell, _weights(bundle, parameters, split.train.item_ids))
    recommender.fit(_since(split.train, bundle.about.data_to_s), split.validation)
    return recommender


def _weights(bundle: Bundle, parameters: SequenceParameters, item_ids: tuple[str, ...]) -> Mapping[str, Tensor]:
    """Return the bundle's weights in another vocabulary; an item that is new begins as in a new model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        begun = SequenceModel(parameters, len(item_ids)).state_dict()
    place = {item_id: at for at, item_id in enumerate(item_ids)}
    begun["item.weight"][[place[item_id] for item_id in bundle.item_ids]] = bundle.weights["item.weight"][:-1]
    return {**bundle.weights, "item.weight": begun["item.weight"]}


def _since(train: Interactions, from_s: float) -> Interactions:
    histories = train.histories
    new_U = np.bincount(histories.row_N[histories.time_s_N > from_s], minlength=len(histories)) > 0
    if not new_U.any():
        until = datetime.fromtimestamp(from_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise DataRefused(f"nothing to learn from was watched since {until}, when the live model's data end")
    rows = np.flatnonzero(new_U)
    return Interactions(histories.rows(rows), tuple(train.user_ids[row] for row in rows), train.item_ids)
