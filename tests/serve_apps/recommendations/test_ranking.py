"""What is ranked is what may be ranked, exactly and once, and a row is varied."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serve_apps.recommendations.ranking import best, top_picks, varied

FINITE = st.floats(-9, 9, width=32)


@st.composite
def asked(draw: st.DrawFn, scores: st.SearchStrategy[float] = FINITE):
    items = draw(st.integers(1, 120))
    score_I = draw(arrays.arrays(np.float32, items, elements=scores))
    vector_ID = draw(arrays.arrays(np.float32, (items, 3), elements=st.floats(-2, 2, width=32)))
    vector_ID[np.abs(vector_ID) < 1e-6] = 0  # of such vectors float32 holds no length
    allowed_I = draw(arrays.arrays(np.bool_, items))
    return score_I, vector_ID, allowed_I, draw(st.integers(1, 25))


@given(asked(st.floats(width=32)))
def test_a_row_has_allowed_items_alone_each_once_and_as_many_as_there_are(given_):
    score_I, vector_ID, allowed_I, k = given_
    row = top_picks(score_I, allowed_I, vector_ID, k).tolist()
    scored = {item for item in np.flatnonzero(allowed_I).tolist() if np.isfinite(score_I[item])}
    assert set(row) <= scored
    assert len(set(row)) == len(row) == min(k, len(scored))
    assert row[:1] == best(score_I, allowed_I, 1).tolist()


@given(asked(st.sampled_from([0.0, 1.0, 2.0]) | FINITE))
def test_the_best_are_those_of_a_full_sort_ties_to_the_lower_item(given_):
    score_I, _, allowed_I, k = given_
    told = sorted(np.flatnonzero(allowed_I).tolist(), key=lambda item: (-score_I[item], item))[:k]
    assert best(score_I, allowed_I, k).tolist() == told


@given(seed=st.integers(0, 2**32 - 1), items=st.integers(0, 400), k=st.integers(0, 30), share=st.floats(0, 1), odd=st.floats(0, 0.2))
def test_of_many_items_few_allowed_or_without_a_finite_score_the_best_are_the_same(seed, items, k, share, odd):
    random = np.random.default_rng(seed)
    score_I = random.standard_normal(items).astype(np.float32).round(seed % 3)
    for strange in (np.nan, np.inf, -np.inf):
        score_I[random.random(items) < odd] = strange
    allowed_I = random.random(items) < share
    ranked = np.flatnonzero(allowed_I & np.isfinite(score_I)).tolist()
    assert best(score_I, allowed_I, k).tolist() == sorted(ranked, key=lambda item: (-score_I[item], item))[:k]


@given(asked())
def test_what_is_not_allowed_changes_nothing(given_):
    score_I, vector_ID, allowed_I, k = given_
    other_I = score_I.copy()
    hidden = ~allowed_I
    other_I[hidden] = 100 - 2 * other_I[hidden]
    assert top_picks(score_I, allowed_I, vector_ID, k).tolist() == top_picks(other_I, allowed_I, vector_ID, k).tolist()


def test_a_twin_of_what_stands_in_the_row_waits_behind_what_is_unlike_it():
    vector_CD = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    score_C = np.array([1.0, 0.9, 0.8, 0.0], dtype=np.float32)
    assert varied(np.array([7, 8, 9, 10]), score_C, vector_CD, 3).tolist() == [7, 9, 8]
    assert varied(np.array([7, 8, 9, 10]), score_C, vector_CD, 3, relevance=1.0).tolist() == [7, 8, 9]


@given(asked())
def test_each_place_goes_to_the_highest_marginal_relevance(given_):
    score_I, vector_ID, allowed_I, k = given_
    candidates = best(score_I, allowed_I, k)
    if len(candidates) < 2:
        return
    score_C, vector_CD = score_I[candidates].astype(float), vector_ID[candidates].astype(float)
    low, high = score_C.min(), score_C.max()
    wanted = (score_C - low) / (high - low if high > low else 1)
    lengths = np.linalg.norm(vector_CD, axis=1)
    cosine = (vector_CD @ vector_CD.T) / np.maximum(np.outer(lengths, lengths), 1e-30)
    row = [candidates.tolist().index(item) for item in varied(candidates, score_I[candidates], vector_ID[candidates], k)]
    for place in range(1, len(row)):
        marginal = 0.7 * wanted - 0.3 * cosine[:, row[:place]].max(axis=1)
        assert marginal[row[place]] >= max(marginal[at] for at in range(len(candidates)) if at not in row[:place]) - 1e-4
