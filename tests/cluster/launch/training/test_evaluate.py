"""`matinee evaluate` as a person types it: a table of all models on one split, or one line that says why not."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import open_log
from cluster.errors import InvalidInput, MatineeError, Misconfigured
from cluster.events import PLAYBACK
from cluster.launch.training import command
from cluster.settings import load
from models import ease
from tests.cluster.launch.test_cli import matinee, one_line
from tests.cluster.launch.training.test_from_log import ended, started

DAY_S = 86_400


def circle(folder: Path, users: int = 40) -> Path:
    """A file as RecBole has them: everybody goes round the same circle, from anywhere."""
    rows = [
        f"u{user}\tt{(user + step) % 12:02}\t5\t{1_700_000_000 + step * DAY_S + user}"
        for user in range(users)
        for step in range(5 + user % 5)
    ]
    path = folder / "circle.inter"
    path.write_text("\n".join(["user_id:token\titem_id:token\trating:float\ttimestamp:float", *rows]) + "\n")
    (folder / "circle.item").write_text(
        "\n".join(["item_id:token\tclass:token_seq", *(f"t{item:02}\tDrama{' Crime' * (item % 2)}" for item in range(12))]) + "\n"
    )
    return path


def evaluated(data: Path, capsys: pytest.CaptureFixture[str], **asked: Any) -> tuple[dict[str, Any], str]:
    command.evaluate(str(data), as_json=True, **asked)
    out = capsys.readouterr()
    return json.loads(out.out), out.err


def test_the_table_has_all_models_and_popularity_first(tmp_path: Path) -> None:
    circle(tmp_path)
    done = matinee(tmp_path / "data", "evaluate", "--data", str(tmp_path), "--format", "recbole", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ")[0].removeprefix("| ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows == [
        "model", "popularity, 7 days", "popularity", "item-kNN", "item-kNN, recency-weighted", "EASE", "EASE, recency-weighted",
        "sequence model", "sequence model + EASE, recency-weighted",
    ]  # fmt: skip
    judged = [line for line in done.stdout.splitlines() if ": above " in line or ": below " in line or ": not told apart from " in line]
    assert len(judged) == 2 * 6 * 2
    assert "miscalibration" in done.stdout
    assert "leave-one-out, split " in done.stdout
    assert "epoch 2 of 2: loss" in done.stderr
    assert "FittingParameters(" in done.stderr


def test_the_same_seed_gives_the_same_figures_and_popularity_is_always_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = circle(tmp_path)
    one, told = evaluated(path, capsys, models="sequence,ease", epochs=2)
    two, _ = evaluated(path, capsys, models="ease,sequence", epochs=2)
    assert one == two
    assert [model["name"] for model in one["models"]] == ["popularity, 7 days", "EASE", "sequence model"]
    assert one["models"][-1]["fitting"]["most_epochs"] == 2
    assert one["split"]["hash"] in told


def test_what_has_parts_is_judged_beside_them_and_left_out_where_one_cannot_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = circle(tmp_path)
    found, _ = evaluated(path, capsys, models="sequence+ease", epochs=1)
    names = ["popularity, 7 days", "EASE, recency-weighted", "sequence model", "sequence model + EASE, recency-weighted"]
    assert [model["name"] for model in found["models"]] == names
    monkeypatch.setattr(ease, "MOST_ITEMS", 1)
    found, told = evaluated(path, capsys, models="sequence+ease", epochs=1)
    assert [model["name"] for model in found["models"]] == ["popularity, 7 days", "sequence model"]
    assert f"{names[-1]} is left out: EASE has learned nothing" in told


def test_what_comes_later_is_asked_of_what_was_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = evaluated(circle(tmp_path), capsys, models="item-knn", split_name="global-time")
    assert found["split"]["name"] == "global time"
    assert [model["name"] for model in found["models"]] == ["popularity, 7 days", "item-kNN"]


def test_what_was_watched_here_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path))
    at_s = time.time() - DAY_S

    async def watch() -> None:
        log = await open_log(load().log)
        for user in range(30):
            plays = [started(f"p{user}", f"t{(user + step) % 12:02}", at_s + step, step, f"account-{user}") for step in range(1, 6)]
            await log.append(PLAYBACK, [event for play in plays for event in (play, ended(play, 95))])
        await log.close()

    asyncio.run(watch())
    command.evaluate(models="item-knn-recent", as_json=True)
    out = capsys.readouterr()
    knn = json.loads(out.out)["models"][1]
    assert knn["users"] == 30
    assert knn["HR@10"]["mean"] == 1.0
    assert "30 users, 12 items" in out.err


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"source": "nowhere.inter"}, InvalidInput, "nowhere.inter: No such file"),
        ({"models": "sequence,oracle"}, InvalidInput, "no model 'oracle'; there are: popularity, "),
        ({"split_name": "random"}, Misconfigured, "There is no split 'random'; there are: leave-one-out, global-time"),
        ({"file_format": "movielens"}, Misconfigured, "is not called as files of movielens are"),
        ({"file_format": "csv"}, Misconfigured, "There is no format 'csv'; there are: amazon, movielens, parquet, recbole, steam"),
        ({"source": "log", "off_policy": True, "core": 5}, Misconfigured, "--core is for tables"),
        ({"source": "log"}, InvalidInput, "nobody has watched anything yet"),
        ({"source": "log", "file_format": "recbole"}, Misconfigured, "the log needs none"),
    ],
)
def test_what_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], error: type[MatineeError], said: str
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    with pytest.raises(error) as refused:
        command.evaluate(**{"source": str(circle(tmp_path)), **asked})
    assert said in refused.value.detail


def test_a_folder_with_no_such_file_or_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="it holds none"):
        command.evaluate(str(tmp_path))
    circle(tmp_path).with_name("other.inter").write_text("")
    with pytest.raises(Misconfigured, match=r"it holds circle\.inter, other\.inter"):
        command.evaluate(str(tmp_path))


def test_nobody_with_three_views_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "few.inter"
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\nu\ta\t1\nu\tb\t2\n")
    done = matinee(tmp_path / "data", "evaluate", "--data", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is nothing to judge by: leave-one-out" in one_line(done)


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.inter"
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\nu\ta\tyesterday\n")
    done = matinee(tmp_path / "data", "evaluate", "--data", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 2, column timestamp: no number" in one_line(done)
