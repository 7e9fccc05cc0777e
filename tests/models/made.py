"""Interactions that tests make up."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from models.data import Interactions

Row = tuple[str, str, int]


def interactions(rows: Sequence[Row]) -> Interactions:
    """Rows of (user, item, second), in the order of their source."""
    users, items, times_s = zip(*rows, strict=True)
    return Interactions.of(users, items, times_s)


def rows(max_size: int = 60) -> st.SearchStrategy[list[Row]]:
    """Few users and items and fewer moments, so that titles are seen twice and times tie."""
    row = st.tuples(st.sampled_from("abcde"), st.sampled_from([f"t{n}" for n in range(9)]), st.integers(0, 5))
    return st.lists(row, min_size=1, max_size=max_size)


def watched(found: Interactions) -> dict[str, list[str]]:
    """Each user's items, by time."""
    return {user: [found.item_ids[item] for item in found.histories.items(row)] for row, user in enumerate(found.user_ids)}
