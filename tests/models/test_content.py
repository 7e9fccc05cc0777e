"""Where titles that nobody has watched stand, from made-up catalogues whose contents tell of it, or do not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.content import LEAST_TITLES, learn
from models.errors import DataRefused
from models.features import BUCKETS, Content, features

TITLES, WIDTH, GENRES = 150, 16, 8
TEXT = st.lists(st.text(max_size=12), max_size=6)


def content(genres: list[str], *, name: str = "", people: tuple[str, ...] = (), synopsis: str = "") -> Content:
    return Content.of(kind="film", genres=genres, people=people, year=1999, maturity=12, name=name, synopsis=synopsis)


def world(seed: int = 0, *, told: bool = True) -> tuple[dict[str, Content], list[str], torch.Tensor]:
    """Titles of two genres each, and of words and people that tell nothing; a title stands at the sum of its genres, and a bit beside."""
    random = np.random.default_rng(seed)
    genre_GD = random.normal(size=(GENRES, WIDTH))
    ids, contents, vectors = [f"t{number}" for number in range(TITLES)], {}, []
    for title_id in ids:
        pair = random.choice(GENRES, 2, replace=False)
        named = pair if told else random.choice(GENRES, 2, replace=False)
        words = " ".join(f"word{number}" for number in random.integers(0, 500, 20))
        contents[title_id] = content([f"g{genre}" for genre in named], people=(f"p{random.integers(200)}",), synopsis=words)
        vectors.append(genre_GD[pair].sum(axis=0) + 0.5 * random.normal(size=WIDTH))
    return contents, ids, torch.tensor(np.array(vectors), dtype=torch.float32)


def test_a_title_that_nobody_has_watched_stands_with_those_that_it_is_like() -> None:
    contents, ids, vector_ID = world()
    weights, fit = learn(dict(list(contents.items())[:120]), ids[:120], vector_ID[:120])
    assert fit.cosine[1] > 0.4
    found = [features(contents[title_id]) for title_id in ids[120:]]
    cold_CD = torch.stack(
        [weights.mean_1D[0] + torch.from_numpy(each.value_N) @ weights.weight_FD[each.bucket_N].float() for each in found]
    )
    order_CC = torch.argsort(torch.cdist(cold_CD, vector_ID[120:]), dim=1)
    place_C = (order_CC == torch.arange(30)[:, None]).int().argmax(dim=1)
    assert place_C.float().mean() < 6  # of 30; by chance it would be 14.5


def test_where_contents_tell_nothing_nothing_is_learned() -> None:
    contents, ids, vector_ID = world(told=False)
    with pytest.raises(DataRefused, match="contents tell nothing"):
        learn(contents, ids, vector_ID)
    with pytest.raises(DataRefused, match=f"contents of 39 watched titles are known, and {LEAST_TITLES}"):
        learn(dict(list(contents.items())[:39]), ids, vector_ID)


def test_the_same_titles_give_the_same_weights_by_either_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    contents, ids, vector_ID = world()
    weights, fit = learn(contents, ids, vector_ID)
    again, as_before = learn(contents, ids, vector_ID)
    assert fit == as_before
    assert torch.equal(weights.weight_FD, again.weight_FD)
    monkeypatch.setattr("models.content.BUCKETS", 64)
    monkeypatch.setattr("models.features.BUCKETS", 64)  # fewer than titles
    small, small_fit = learn(contents, ids, vector_ID)
    assert small.weight_FD.shape == (64, WIDTH)
    assert 0 < small_fit.cosine[0] < fit.cosine[0] + 0.1


@given(TEXT, TEXT, st.text(max_size=40), st.text(max_size=200), st.none() | st.integers(1880, 2030), st.integers(0, 18))
def test_features_are_bounded_and_know_neither_case_nor_order(
    genres: list[str], people: list[str], name: str, synopsis: str, year: int | None, maturity: int
) -> None:
    made = Content.of(kind="film", genres=genres, people=people, year=year, maturity=maturity, name=name, synopsis=synopsis)
    found = features(made)
    assert len(found.bucket_N) == len(found.value_N)
    assert ((found.bucket_N >= 0) & (found.bucket_N < BUCKETS)).all()
    assert np.square(found.value_N).sum() <= 1 + 1 + 0.49 + 0.75 + 1e-5
    other = Content.of(
        kind="film",
        genres=genres[::-1] * 2,
        people=people[::-1],
        year=year,
        maturity=maturity,
        name=name,
        synopsis=f"{synopsis} {synopsis}",
    )
    assert other == made


def test_features_are_the_same_in_every_process() -> None:
    code = (
        "from models.features import *; f = features(Content.of(kind='film', genres=['Drama', 'Noir'], people=['Ida Lupino'], year=1953,"
        " maturity=12, name='The Hitch-Hiker', synopsis='')); print(f.bucket_N.tolist(), f.value_N.round(3).tolist())"
    )
    told = {subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout for _ in range(2)}
    made = features(
        Content.of(kind="film", genres=["noir", "drama"], people=["IDA LUPINO"], year=1950, maturity=12, name="the hitch", synopsis="Hiker")
    )
    assert told == {f"{made.bucket_N.tolist()} {made.value_N.round(3).tolist()}\n"}
