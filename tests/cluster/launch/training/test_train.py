"""`matinee train` keeps a candidate with its verdict; a second one is judged beside the first once that is live."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import InvalidInput, Misconfigured, ModelNotFound
from cluster.launch.training import command
from cluster.launch.training.telling import Telling, spoken
from cluster.settings import load
from models import ease, lineup
from models.fitting import Epoch, FittingParameters
from serve_apps.recommendations.bundles.registry import open_registry
from tests.clock import Clock
from tests.cluster.launch.training.test_evaluate import circle
from tests.running import COMMAND, instance_environment


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path / "data"))
    return circle(tmp_path)


def trained(data: Path, capsys: pytest.CaptureFixture[str], **asked: Any) -> dict[str, Any]:
    command.train(**{"source": str(data), "workers": 0, "as_json": True, "epochs": 8, **asked})
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def promoted(bundle_id: str) -> None:
    async def promote() -> None:
        registry = await open_registry(load())
        await registry.promote(bundle_id)
        await registry.close()

    asyncio.run(promote())


def test_a_candidate_is_kept_and_the_next_is_judged_beside_the_live_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = trained(data, capsys)
    assert first["state"] == "candidate", first["verdict"]
    assert first["verdict"]["against_bundle_id"] is None
    metrics = first["about"]["metrics"]
    assert list(metrics) == [
        "sequence model + EASE, 11 neighbours an item",
        "sequence model",
        "popularity, 7 days",
        "EASE, 11 neighbours an item",
    ]
    assert 0 <= first["about"]["ease_share"] <= 1
    assert first["about"]["fitting"]["most_epochs"] == 8
    promoted(first["bundle_id"])
    # A second vocabulary: a title that the live model has never heard of.
    data.write_text(data.read_text() + "\n".join(f"u{user}\tnew\t5\t{1_700_000_000 - user}" for user in range(10)) + "\n")
    data.with_suffix(".item").unlink()
    second = trained(data, capsys, seed=1)
    assert second["verdict"]["against_bundle_id"] == first["bundle_id"]
    assert second["about"]["items"] == 13
    assert set(second["verdict"]["differences"]) == {"live", "popularity"}


def test_the_sequence_model_alone_is_served_where_that_is_asked_for(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = trained(data, capsys, model=command.Served.sequence)
    assert found["about"]["ease_share"] == 0
    assert list(found["about"]["metrics"]) == ["sequence model", "popularity, 7 days", "EASE, 11 neighbours an item"]


def test_what_replaces_a_sequence_model_that_stands_alone_is_one_too_unless_asked_otherwise(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promoted(trained(data, capsys, model=command.Served.sequence)["bundle_id"])
    since = "\n".join(f"u{user}\tnew{step}\t5\t{1_701_000_000 + step}" for user in range(20) for step in range(3))
    data.write_text(f"{data.read_text()}{since}\n")
    for asked in ({}, {"incremental": True, "workers": None}):
        assert next(iter(trained(data, capsys, **asked)["about"]["metrics"])) == "sequence model"
    found = trained(data, capsys, incremental=True, workers=None, model=command.Served.mixture)
    assert next(iter(found["about"]["metrics"])).startswith("sequence model + EASE")


def test_a_model_that_learned_nothing_is_refused_beside_a_good_one(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(trained(data, capsys, epochs=20)["bundle_id"])
    monkeypatch.setattr(ease, "MOST_ITEMS", 1)  # else its share of the candidate is a good model
    monkeypatch.setattr(lineup, "fitting_parameters", lambda *_: FittingParameters(learning_rate=1e-9))
    found = trained(data, capsys, epochs=1)
    assert found["state"] == "refused"
    assert found["about"]["ease_share"] == 0
    assert "worse than the live model" in found["verdict"]["reason"]


def test_an_increment_goes_on_from_the_live_model_and_is_judged_beside_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelNotFound, match="No model is live that could be gone on with"):
        command.train(source=str(data), incremental=True)
    first = trained(data, capsys)
    promoted(first["bundle_id"])
    with pytest.raises(InvalidInput, match="when the live model's data end"):
        command.train(source=str(data), incremental=True)
    since = "\n".join(f"u{user}\tnew{step}\t5\t{1_701_000_000 + step}" for user in range(20) for step in range(3))
    data.write_text(f"{data.read_text()}{since}\n")
    second = trained(data, capsys, incremental=True, workers=None)
    assert second["verdict"]["against_bundle_id"] == first["bundle_id"]
    assert second["about"]["items"] == first["about"]["items"] + 3
    assert second["about"]["data_to_s"] > first["about"]["data_to_s"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"run": "../elsewhere"}, "--run '../elsewhere': letters"),
        ({"gpu": True, "workers": 0}, "--gpu is for workers"),
        ({"incremental": True, "workers": 2}, "--incremental is short, and runs in this process"),
        ({"incremental": True, "core": 5}, "--run and --core are for a model from the beginning"),
        ({"split_name": "random"}, "There is no split 'random'"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(data: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        command.train(source=str(data), **asked)
    assert said in refused.value.detail


def test_a_log_without_plays_is_one_sentence(data: Path) -> None:
    with pytest.raises(InvalidInput, match="nobody has watched anything yet"):
        command.train()


def test_the_time_left_counts_to_the_last_epoch_and_to_the_end_of_patience() -> None:
    clock, told = Clock(0.0), list[str]()
    telling = Telling(FittingParameters(most_epochs=20, patience=3), told.append, clock)
    for number, ndcg in enumerate((0.1, 0.3, 0.2), 1):
        clock.advance(10)
        telling.epoch(Epoch(number, 1.0, ndcg, 0.0))
    assert [line.split("at most ")[1] for line in told] == [
        "3 min left (30 s if it gets no better)",
        "3 min left (30 s if it gets no better)",
        "3 min left (20 s if it gets no better)",
    ]
    assert (spoken(99), spoken(5999), spoken(7200)) == ("99 s", "100 min", "2.0 h")


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_on_ray_with_two_workers_it_leaves_a_candidate_and_no_checkpoints(data: Path, tmp_path: Path) -> None:
    asked = ["train", "--data", str(data), "--workers", "2", "--epochs", "3", "--run", "circle"]
    done = subprocess.run(
        [*COMMAND, *asked], env=instance_environment(tmp_path / "data"), capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 3 of 3: loss" in done.stderr
    assert "training circle on Ray, 2 workers" in done.stderr
    assert "sequence model: NDCG@10" in done.stdout
    assert list((tmp_path / "data" / "training").iterdir()) == []
