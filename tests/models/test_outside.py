"""What another program is given has no answers in it, and what it gives back is a ranking or is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.data import Interactions, global_time, leave_one_out
from models.errors import AnswerRefused
from models.evaluate import evaluate
from models.outside import Outside, write
from models.popularity import Popularity
from tests.models.made import interactions


def circle() -> Interactions:
    return interactions([(f"u{user}", f"t{(user + step) % 9}", 10 * step + user) for user in range(8) for step in range(4 + user % 3)])


SPLIT = leave_one_out(circle())


def answered(folder: Path, **arrays: Any) -> Outside:
    np.savez(folder / "ranking.npz", **arrays)
    return Outside.read("theirs", SPLIT, folder)


@pytest.mark.parametrize("split", [SPLIT, global_time(circle(), 30, 45)], ids=["leave-one-out", "global-time"])
def test_the_folder_tells_all_but_what_the_test_asks_for(tmp_path: Path, split: Any) -> None:
    write(split, tmp_path, 7)
    with np.load(tmp_path / "split.npz") as arrays:
        given = dict(arrays)
    assert given["train_item"].tolist() == split.train.histories.item_N.tolist()
    assert given["validation_target_item"].tolist() == split.validation.target.item_N.tolist()
    assert given["test_user"].tolist() == split.test.user_Q.tolist()
    for row, user in enumerate(split.test.user_Q):
        assert given["test_seen_item"][given["test_seen_user"] == user].tolist() == split.test.seen.items(row).tolist()
    assert (given["items"], given["seed"]) == (split.train.items, 7)
    assert json.loads((tmp_path / "ids.json").read_text())["items"] == [*split.train.item_ids]
    # Other answers, the same folder.
    target = split.test.target
    elsewhere = dataclasses.replace(target, item_N=(target.item_N + 1) % split.train.items, time_s_N=target.time_s_N + 1)
    write(dataclasses.replace(split, test=dataclasses.replace(split.test, target=elsewhere)), tmp_path, 7)
    with np.load(tmp_path / "split.npz") as arrays:
        assert set(arrays) == set(given)
        assert all(np.array_equal(given[name], arrays[name]) for name in given)


def test_scores_of_another_program_rank_as_our_own_do(tmp_path: Path) -> None:
    ours = Popularity(None)
    ours.fit(SPLIT.train, SPLIT.validation)
    score_I = ours.scores(SPLIT.test)[0]
    # In any order, ties included: they go to the lower item.
    user_N, item_N = (each.ravel()[::-1] for each in np.meshgrid(SPLIT.test.user_Q, np.arange(9)))
    found = answered(tmp_path, user=user_N, item=item_N, score=score_I[item_N])
    assert found.silent == 0
    assert evaluate(found, SPLIT.train, SPLIT.test, k=3).as_json() | {"name": ""} == (
        evaluate(ours, SPLIT.train, SPLIT.test, k=3).as_json() | {"name": ""}
    )


def test_who_is_recommended_nothing_counts_as_not_hit(tmp_path: Path) -> None:
    user, target = int(SPLIT.test.user_Q[2]), SPLIT.test.target.item_N[2]
    (tmp_path / "about.json").write_text('{"epochs": 3}')
    found = answered(tmp_path, user=[user], item=[target], score=[1])
    assert (found.silent, found.about) == (7, {"epochs": 3})
    assert evaluate(found, SPLIT.train, SPLIT.test).per_question["HR@10"].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"user": [0], "item": [1]}, "must hold the arrays user, item and score"),
        ({"user": [0, 1], "item": [1, 2], "score": [1.0]}, "shapes (2,), (2,), (1,)"),
        ({"user": [[0]], "item": [[1]], "score": [[1.0]]}, "must have one dimension"),
        ({"user": [], "item": [], "score": []}, "is empty"),
        ({"user": ["u1"], "item": [1], "score": [1.0]}, "must be whole numbers"),
        ({"user": [0.0], "item": [1], "score": [1.0]}, "must be whole numbers"),
        ({"user": [8], "item": [1], "score": [1.0]}, "user 8 is none of the split"),
        ({"user": [-1], "item": [1], "score": [1.0]}, "user -1 is none of the split"),
        ({"user": [0], "item": [9], "score": [1.0]}, "item 9 is none of the split"),
        ({"user": [0, 0], "item": [1, 2], "score": [1.0, np.nan]}, "a score is nan, no finite number"),
        ({"user": [0, 1, 0], "item": [1, 1, 1], "score": [1.0, 2.0, 3.0]}, "an item stands twice in the ranking of user 0"),
        ({"user": np.array([{}], dtype=object), "item": [1], "score": [1.0]}, "is not what numpy.savez writes"),
    ],
)
def test_what_is_no_ranking_is_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(AnswerRefused) as refused:
        answered(tmp_path, **arrays)
    assert said in str(refused.value)


def test_whom_nobody_asked_about_is_refused(tmp_path: Path) -> None:
    split = global_time(circle(), 30, 45)
    other = next(user for user in range(8) if user not in split.test.user_Q)
    np.savez(tmp_path / "ranking.npz", user=[other], item=[1], score=[1.0])
    with pytest.raises(AnswerRefused, match=f"user {other} is none whom the test asks about"):
        Outside.read("theirs", split, tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off", b"user,item,score\n"])
def test_a_file_that_is_missing_or_no_such_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ranking.npz").write_bytes(content)
    with pytest.raises(AnswerRefused, match=r"wrote no ranking\.npz" if content is None else "is not what numpy"):
        Outside.read("theirs", SPLIT, tmp_path)


def test_one_array_is_no_ranking_and_what_it_tells_of_itself_is_an_object(tmp_path: Path) -> None:
    with (tmp_path / "ranking.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(AnswerRefused, match="is not what numpy"):
        Outside.read("theirs", SPLIT, tmp_path)
    (tmp_path / "about.json").write_text("[1]")
    with pytest.raises(AnswerRefused, match=r"about\.json is no JSON object"):
        answered(tmp_path, user=[0], item=[1], score=[1.0])
