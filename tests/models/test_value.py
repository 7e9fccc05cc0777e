"""What rows are worth, learned from pages whose chances are made, so that it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import Interactions
from models.errors import DataRefused
from models.off_policy import Impressions
from models.row_values import IN_SIGHT, KINDS, RowValues, chance, group_of, kind_of
from models.value import learn

PROFILES, PAGES, ROWS, CARDS = 60, 1500, 5, 6
PER_ROW, PER_PLACE = -0.6, -0.4
LIKED = "because"
"""What profiles that have watched a title play more than all else, the others less."""


def world(
    seed: int = 0, *, told_apart: bool = True, always_first: str | None = None, moved: float = 0.1
) -> tuple[Interactions, Impressions]:
    """Pages with five rows in an order by chance or, all but a share `moved` of them, with one kind first."""
    random = np.random.default_rng(seed)
    names = [f"p{number}" for number in range(PROFILES)]
    watched = Interactions.of(names[::2], ["t"] * len(names[::2]), [0] * len(names[::2]))
    profile_P = random.integers(PROFILES, size=PAGES)
    order_PR = np.stack([random.permutation(len(KINDS)) for _ in range(PAGES)])
    if always_first is not None:
        first = KINDS.index(always_first)
        for page in np.flatnonzero(random.random(PAGES) >= moved):
            order_PR[page] = [first, *(kind for kind in order_PR[page] if kind != first)]
    page_N, row_N, place_N = (each.reshape(-1) for each in np.mgrid[:PAGES, :ROWS, :CARDS])
    kind_N = order_PR[page_N, row_N]
    odds_N = -2.0 + PER_ROW * np.log2(1 + row_N) + PER_PLACE * np.log2(1 + place_N)
    if told_apart:
        warm_N = profile_P[page_N] % 2 == 0
        odds_N += np.where(kind_N == KINDS.index(LIKED), np.where(warm_N, 1.5, -1.5), 0)
    begun_N = random.random(len(odds_N)) < 1 / (1 + np.exp(-odds_N))
    seen = Impressions(
        tuple(names), ("t",), profile_P, 100.0 + np.arange(PAGES), page_N, place_N, np.zeros_like(page_N), np.ones(len(page_N)), begun_N,
        kind_N, row_N,
    )  # fmt: skip
    return watched, seen


def test_what_a_kind_of_row_is_worth_to_whom_is_found() -> None:
    values, gain = learn(*world())
    assert gain.low > 0
    for kind, (none, some, _) in values.first_card.items():
        assert none == pytest.approx(-3.5 if kind == LIKED else -2.0, abs=0.5)
        assert some == pytest.approx(-0.5 if kind == LIKED else -2.0, abs=0.5)
    assert values.per_place == pytest.approx(PER_PLACE, abs=0.1)
    by_worth = sorted(KINDS, key=lambda kind: -values.of(kind, CARDS, 1))
    assert by_worth[0] == LIKED
    assert min(KINDS, key=lambda kind: values.of(kind, CARDS, 0)) == LIKED


def test_a_row_is_not_worth_more_for_standing_first() -> None:
    watched, seen = world(told_apart=True, always_first="new")
    values, _ = learn(watched, seen)
    shown_N = seen.kind_N == KINDS.index("new")
    assert seen.begun_N[shown_N].mean() > 1.5 * seen.begun_N[~shown_N].mean()
    assert values.of("new", CARDS, 0) == pytest.approx(values.of("popular", CARDS, 0), rel=0.35)


@pytest.mark.parametrize("seed", range(3))
def test_where_rows_are_worth_the_same_nothing_is_learned(seed: int) -> None:
    with pytest.raises(DataRefused, match="no more than where they stand"):
        learn(*world(seed, told_apart=False))


def test_of_few_plays_nothing_is_learned() -> None:
    watched, seen = world()
    few_N = seen.begun_N & (np.cumsum(seen.begun_N) <= 99)
    with pytest.raises(DataRefused, match="99 plays"):
        learn(watched, replace(seen, begun_N=few_N))


def test_pages_that_were_all_shown_at_once_cannot_be_judged_by() -> None:
    watched, seen = world()
    with pytest.raises(DataRefused, match="later than others"):
        learn(watched, replace(seen, at_s_P=np.full(PAGES, 100.0)))


def test_the_same_pages_give_the_same_values() -> None:
    assert learn(*world()) == learn(*world())


@given(
    st.dictionaries(st.sampled_from(KINDS), st.tuples(*[st.floats(-1e6, 1e6)] * 3)),
    st.floats(-1e6, 1e6),
    st.sampled_from([*KINDS, "other"]),
    st.integers(0, 500),
    st.integers(0, 500),
)
def test_a_row_is_worth_a_chance_and_no_less_for_one_card_more(
    first: dict[str, tuple[float, float, float]], per_place: float, kind: str, cards: int, watched: int
) -> None:
    values = RowValues(first, per_place)
    worth = values.of(kind, cards, watched)
    assert 0 <= worth <= values.of(kind, cards + 1, watched) <= 1
    assert values.of(kind, IN_SIGHT, watched) == values.of(kind, IN_SIGHT + 9, watched)


def test_names_groups_and_chances() -> None:
    assert [kind_of(row_id) for row_id in ("top-picks", "because-t1", "genre-new", "newest", "genre", "", "mine")] == [
        "top-picks", "because", "genre", None, "genre", None, None,
    ]  # fmt: skip
    assert [group_of(titles) for titles in (0, 1, 4, 5, 900)] == [0, 1, 1, 2, 2]
    assert [chance(odds) for odds in (-1e9, 0.0, 1e9)] == [0.0, 0.5, 1.0]
