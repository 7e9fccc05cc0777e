"""Reviews of Amazon and Steam are read as they are published; a line that is none is refused by its number, and nothing in it is run."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data import Interactions, core
from models.errors import DataRefused, FileRefused
from models.readers import read
from tests.models.made import watched

STEAM = {"username": "a", "product_id": "7", "date": "2017-12-17", "text": 'it\'s "fine"', "early_access": False, "hours": 0.1}
AMAZON = {"reviewerID": "A1", "asin": "B0", "overall": 5.0, "unixReviewTime": 30, "helpful": [0, 1], "reviewText": "it's"}


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_amazon_ratings_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "ratings_Beauty.csv"
    path.write_text("A1,B0,5.0,30\nA1,B1,3.0,10\n")
    assert watched(read(path)) == {"A1": ["B1", "B0"]}


def test_reviews_are_told_by_the_name_of_their_file(tmp_path: Path) -> None:
    amazon = read(
        written(tmp_path, "reviews_Beauty_5.json.gz", json.dumps(AMAZON), json.dumps(AMAZON | {"asin": "B1", "unixReviewTime": 10}))
    )
    assert watched(amazon) == {"A1": ["B1", "B0"]}
    assert amazon.histories.weight_N.tolist() == [5, 5]
    steam = read(written(tmp_path, "steam_reviews.json.gz", repr(STEAM).replace("'username': '", "u'username': u'")))
    assert watched(steam) == {"a": ["7"]}
    assert steam.histories.time_s_N.tolist() == [1513468800]


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1), st.text()), min_size=1, max_size=5))
def test_whatever_is_written_in_a_steam_review_it_is_one_line(reviews: list[tuple[str, str, str]]) -> None:
    lines = [ascii(STEAM | {"username": user, "product_id": item, "text": text}) for user, item, text in reviews]
    with TemporaryDirectory() as folder:
        if any("\ud800" <= letter <= "\udfff" for user, item, _ in reviews for letter in user + item):
            return
        found = read(written(Path(folder), "steam_reviews.json.gz", *lines))
    assert len(found.histories.item_N) == len(reviews)
    assert set(found.user_ids) == {user for user, _, _ in reviews}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("steam_reviews.json.gz", "__import__('os').abort()"),
        ("steam_reviews.json.gz", "{'username': 'a', 'product_id': '7'}"),
        ("steam_reviews.json.gz", repr(STEAM | {"date": "soon"})),
        ("steam_reviews.json.gz", "(" * 5000),
        ("reviews_Beauty_5.json.gz", repr(AMAZON)),
        ("reviews_Beauty_5.json.gz", json.dumps(AMAZON | {"asin": 7})),
    ],
)
def test_a_line_that_is_no_review_is_named(tmp_path: Path, name: str, line: str) -> None:
    good = repr(STEAM) if name.startswith("steam") else json.dumps(AMAZON)
    with pytest.raises(FileRefused, match="no review") as refused:
        read(written(tmp_path, name, good, line))
    assert refused.value.line == 2


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "steam_reviews.json.gz", repr(STEAM))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileRefused, match="no sound gzip file"):
        read(path)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40), st.integers(1, 3))
def test_a_core_is_the_largest_part_where_everybody_has_enough(pairs: list[tuple[int, int]], least: int) -> None:
    given_pairs = {(str(user), str(item)) for user, item in pairs}
    expected = set(given_pairs)
    while True:
        users, items = Counter(user for user, _ in expected), Counter(item for _, item in expected)
        left = {(user, item) for user, item in expected if users[user] >= least and items[item] >= least}
        if left == expected:
            break
        expected = left
    interactions = Interactions.of([str(user) for user, _ in pairs], [str(item) for _, item in pairs], range(len(pairs)))
    if not expected:
        with pytest.raises(DataRefused):
            core(interactions, least)
        return
    found = watched(core(interactions, least))
    assert {(user, item) for user, items_of in found.items() for item in items_of} == expected
