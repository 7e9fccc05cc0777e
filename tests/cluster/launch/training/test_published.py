"""Data sets as they are published, by path and by the protocol of the published tables: 5-core, leave-one-out, all titles ranked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.launch.training import command

USERS, ITEMS, DAY_S = 30, 40, 86_400
BEGINS_S = 978_307_200
View = tuple[int, int, int, int]


def views() -> Iterator[View]:
    """Everybody goes round the same circle of titles; user 99 and title 99 have too few of one another for a core of five."""
    for user in range(1, USERS + 1):
        for step in range(8 + user % 5):
            yield user, 1 + (user * 3 + step) % ITEMS, 1 + step % 5, BEGINS_S + step * DAY_S
        yield user, 1 + (user * 3) % ITEMS, 5, BEGINS_S + 60 * DAY_S  # rated again: that counts once
    yield from ((99, 1, 3, BEGINS_S), (99, 2, 3, BEGINS_S + 1), (1, 99, 3, BEGINS_S + 90 * DAY_S))


def movielens_1m(folder: Path) -> Path:
    rows = [f"{user}::{item}::{rating}::{at_s}" for user, item, rating, at_s in reversed([*views()])]
    (folder / "ratings.dat").write_text("\n".join(rows) + "\n")
    (folder / "movies.dat").write_bytes("1::Les Misérables (1995)::Drama|Musical\n".encode("latin-1"))
    (folder / "users.dat").write_text("1::F::1::10::48067\n")
    return folder


def movielens_20m(folder: Path) -> Path:
    rows = [f"{user},{item},{rating - 0.5},{at_s}" for user, item, rating, at_s in reversed([*views()])]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    (folder / "movies.csv").write_text('movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n')
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n18,4141,Mark Waters,1240597180\n")
    return folder


def amazon_ratings(folder: Path) -> Path:
    path = folder / "ratings_Beauty.csv"
    path.write_text("".join(f"A{user:012}Q,{item:010},{rating}.0,{at_s}\n" for user, item, rating, at_s in reversed([*views()])))
    return path


def amazon_reviews(folder: Path) -> Path:
    lines = [
        json.dumps(
            {
                "reviewerID": f"A{user:012}Q", "asin": f"{item:010}", "reviewerName": 'J. "Jo"', "helpful": [2, 3],
                "reviewText": "It's\nfine, \u201cgood\u201d", "overall": float(rating), "summary": "ok", "unixReviewTime": at_s,
                "reviewTime": f"{datetime.fromtimestamp(at_s, UTC):%m %d, %Y}",
            }
        )
        for user, item, rating, at_s in reversed([*views()])
    ]  # fmt: skip
    path = folder / "reviews_Beauty_5.json.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def steam(folder: Path) -> Path:
    lines = [
        repr(
            {
                "username": f"user {user}", "hours": 4.5, "products": 92, "product_id": str(item), "page_order": 0,
                "date": f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}", "text": "it's \"it\"", "early_access": False, "page": 1,
            }
        ).replace("'username': ", "u'username': u")
        for user, item, _, at_s in reversed([*views()])
    ]  # fmt: skip
    path = folder / "steam_reviews.json.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@pytest.mark.parametrize("published", [movielens_1m, movielens_20m, amazon_ratings, amazon_reviews, steam])
def test_a_published_table_is_evaluated_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], published: Callable[[Path], Path]
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "published"
    folder.mkdir()
    command.evaluate(str(published(folder)), core=5, models="item-knn-recent,sequence", epochs=1, as_json=True)
    out = capsys.readouterr()
    found: dict[str, Any] = json.loads(out.out)
    assert found["split"]["name"] == "leave-one-out"
    # Of each user's views, two less to learn from: the last is asked for, the one before it chooses.
    learned = sum(8 + user % 5 - 2 for user in range(1, USERS + 1))
    assert (
        f"{USERS} users, {ITEMS} items, {learned} interactions to learn from, {USERS} questions to choose by, {USERS} to judge" in out.err
    )
    assert len(found["test_users"]) == USERS
    _, knn, _ = found["models"]
    # The next title of the circle is asked for, the file's order (newest first) notwithstanding: near what was seen last, of all 40.
    assert knn["HR@10"]["mean"] == 1.0
    assert "NDCG@10" in found["models"][-1]


def test_a_model_is_trained_on_the_core_that_it_was_evaluated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    path = amazon_ratings(tmp_path)
    command.evaluate(str(path), core=5, models="popularity", as_json=True)
    evaluated = json.loads(capsys.readouterr().out)
    command.train(str(path), core=5, workers=0, epochs=1, as_json=True)
    about = json.loads(capsys.readouterr().out)["about"]
    assert (about["users"], about["items"], about["split_hash"]) == (USERS, ITEMS, evaluated["split"]["hash"])
