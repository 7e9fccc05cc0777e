"""`matinee evaluate --beside`: another program's model in the same table, or one sentence that says what it did wrong."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import InvalidInput, MatineeError, Misconfigured
from cluster.launch.training import command
from tests.cluster.launch.training.test_evaluate import circle

# Ranks by how often a title was watched, and tells what it sees of us.
POPULAR = """
import json, os, pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[-1])
split = np.load(folder / "split.npz")
print("learning from", len(split["train_item"]), flush=True)
watched = np.bincount(split["train_item"], minlength=int(split["items"]))
users, items = (each.ravel() for each in np.meshgrid(split["test_user"], np.arange(len(watched))))
np.savez(folder / "ranking.npz", user=users, item=items, score=watched[items])
ours = [name for name in os.environ if name.startswith("MATINEE_")]
(folder / "about.json").write_text(json.dumps({"ours": ours, "argv": sys.argv[1:-1], "home": "HOME" in os.environ}))
"""


def program(folder: Path, text: str) -> str:
    path = folder / "program.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


def test_another_program_stands_in_the_table_as_every_model_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    data = circle(tmp_path)
    asked: dict[str, Any] = {"besides": [f"theirs={program(tmp_path, POPULAR)} --depth 2"], "epochs": 1, "as_json": True}
    command.evaluate(str(data), models="popularity-all-time,sequence", **asked)
    out = capsys.readouterr()
    found = json.loads(out.out)
    _, ours, theirs, _ = found["models"]
    assert [model["name"] for model in found["models"]] == ["popularity, 7 days", "popularity", "theirs", "sequence model"]
    assert {**ours, "name": "theirs", "about": theirs["about"]} == theirs
    assert theirs["about"] == {"ours": [], "argv": ["--depth", "2"], "home": "HOME" in os.environ}
    compared = {(each["model"], each["other"], each["metric"]) for each in found["differences"]}
    assert compared >= {("sequence model", "theirs", "NDCG@10"), ("sequence model", "theirs", "HR@10")}
    assert len(found["test_users"]) == 40
    assert "  theirs: learning from " in out.err


def test_it_is_told_plainly_what_ours_are_not_above_and_who_the_few_users_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    theirs = f"theirs={program(tmp_path, POPULAR)}"
    command.evaluate(str(circle(tmp_path)), models="sequence", besides=[theirs], split_name="global-time", epochs=1)
    lines = capsys.readouterr().out.splitlines()
    users = next(line for line in lines if line.startswith("Few users are asked about, "))
    number, _, named = users.removeprefix("Few users are asked about, ").partition(": ")
    assert len(named.partition(" and ")[0].split(", ")) == min(int(number), 20)
    assert any(line.startswith("| theirs | ") for line in lines)
    judged = [line for line in lines if line.startswith("sequence model: ") and " theirs, by " in line]
    assert len(judged) == 2
    # One epoch is too little to be above anything for certain.
    assert "theirs (" in lines[-1] and lines[-1].startswith("sequence model is NOT above ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; print('no such layer'); sys.exit(3)", "the command ended with 3; its last line: no such layer"),
        ("import os; os.kill(os.getpid(), 9)", "the command was ended by signal 9; its last line: (none)"),
        ("pass", "it wrote no ranking.npz"),
        ("import time; time.sleep(60)", "it took longer than 1 s (--beside-timeout-s)"),
    ],
)
def test_what_the_program_did_wrong_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    timeout_s = 1 if "sleep" in text else 60
    with pytest.raises(InvalidInput) as refused:
        command.evaluate(
            str(circle(tmp_path)), models="popularity", besides=[f"theirs={program(tmp_path, text)}"], beside_timeout_s=timeout_s
        )
    assert refused.value.detail == f"--beside theirs: {said}"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"besides": ["no-command"]}, "NAME=COMMAND is asked for"),
        ({"besides": ["=true"]}, "NAME=COMMAND is asked for"),
        ({"besides": ["a|b=true"]}, "NAME=COMMAND is asked for"),
        ({"besides": ["a='true"]}, "No closing quotation"),
        ({"besides": ["a=true", "a=false"]}, "another one is called so"),
        ({"besides": ["a=no-such-program --x"]}, "there is no program 'no-such-program'"),
        ({"besides": ["a=true"], "source": "log", "off_policy": True}, "--off-policy asks others"),
        ({"generated": 50}, "--generated makes its data"),
        ({"generated": 50, "source": "log", "core": 5}, "--generated makes its data"),
        ({"generated": 50, "source": "log", "off_policy": True}, "which the log alone tells"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    with pytest.raises(MatineeError) as refused:
        command.evaluate(**{"source": str(circle(tmp_path)), **asked})
    assert isinstance(refused.value, Misconfigured)
    assert said in refused.value.detail


def test_a_name_of_ours_is_none_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    with pytest.raises(InvalidInput, match="two models would be called 'EASE' in the table"):
        command.evaluate(str(circle(tmp_path)), models="ease", besides=["EASE=true"])


def test_a_made_up_population_has_its_oracle_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    hashes = set()
    for seed in (3, 3, 4):
        command.evaluate(generated=60, seed=seed, models="popularity", as_json=True)
        out = capsys.readouterr()
        found = json.loads(out.out)
        hashes.add((seed, found["split"]["hash"]))
        assert found["generated"]["users"] == len(found["test_users"]) == 60
        assert f"seed={seed})" in out.err
        figures = {model["name"]: model["NDCG@10"] for model in found["models"]}
        assert figures["oracle"]["low"] > figures["popularity, 7 days"]["high"]
    assert len(hashes) == 2
