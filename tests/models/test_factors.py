"""Vectors of titles from who watched what: titles of one circle of users are near each other."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from models.factors import SPREAD, item_factors
from tests.models.made import Row, interactions


def circles() -> list[Row]:
    """Two circles of users with six titles each, every user without one of them."""
    return [
        (f"u{circle}{user}", f"t{circle}{title}", title)
        for circle in range(2)
        for user in range(12)
        for title in range(6)
        if title != user % 6
    ]


def test_titles_of_one_circle_are_near_each_other() -> None:
    torch.manual_seed(0)
    factor_ID = normalize(item_factors(interactions(circles()), 2), dim=1)
    near_II = factor_ID @ factor_ID.T
    assert near_II[:6, :6].min() > 0.9
    assert near_II[6:, 6:].min() > 0.9
    assert near_II[:6, 6:].abs().max() < 0.1


def test_more_width_than_there_is_to_know_is_zeros() -> None:
    torch.manual_seed(0)
    factor_ID = item_factors(interactions([("a", "x", 0), ("a", "y", 1), ("b", "y", 0)]), 8)
    assert factor_ID.shape == (2, 8)
    assert factor_ID[:, 2:].abs().max() == 0
    torch.testing.assert_close(factor_ID.std(), torch.tensor(SPREAD))


def test_the_same_seed_gives_the_same_vectors() -> None:
    made = interactions(circles())
    torch.manual_seed(5)
    first_ID = item_factors(made, 4)
    torch.manual_seed(5)
    assert torch.equal(item_factors(made, 4), first_ID)
