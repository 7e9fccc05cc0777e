"""Training on Ray goes on where it stopped: a worker that is killed, or the whole Ray, costs an epoch and changes nothing of the result."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from models.data import leave_one_out
from models.errors import DataRefused
from models.evaluate import evaluate
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.generate import Population, PopulationParameters
from models.sequence import SequenceParameters
from tests.running import eventually

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

SPLIT = leave_one_out(Population(PopulationParameters(users=240, items=60, genres=4)).interactions())
PARAMETERS = SequenceParameters(width=32, blocks=1, dropout=0.2, longest=64)
FITTING = FittingParameters(5e-3, positions=1024, most_epochs=6, device="cpu", bf16=False)


@dataclass
class Told:
    epochs: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def trained(storage: Path, name: str, told: Told, then: Callable[[], None] = lambda: None) -> SequenceRecommender:
    """Train with two workers; `then` is called once, when the second epoch was told and there is a checkpoint to go on from."""
    from models.train import Run, train

    def tell(epoch: Epoch) -> None:
        told.epochs.append(epoch.number)
        if epoch.number == 2 and told.epochs.count(2) == 1:
            # The training waits meanwhile: the next epoch but one is not told before this one was.
            eventually((storage / name / "checkpoint_manager_snapshot.json").exists, 60)
            then()

    return train(SPLIT, PARAMETERS, FITTING, Run(name, str(storage), workers=2), tell, told.warnings.append)


def workers() -> list[int]:
    """Return the processes of this Ray that train."""
    own = psutil.Process().children(recursive=True)
    return [each.pid for each in own if "RayTrainWorker" in " ".join(each.cmdline())]


def same_weights(one: SequenceRecommender, other: SequenceRecommender) -> bool:
    return all(torch.equal(weights, other.model.state_dict()[name]) for name, weights in one.model.state_dict().items())


def test_two_workers_one_killed_half_way_end_as_two_that_were_not(ray_cluster: Any, tmp_path: Path) -> None:
    from models.train import Run, forget

    undisturbed, disturbed = Told(), Told()
    one = trained(tmp_path, "undisturbed", undisturbed)
    assert undisturbed.epochs == [1, 2, 3, 4, 5, 6]
    other = trained(tmp_path, "disturbed", disturbed, lambda: os.kill(workers()[-1], signal.SIGKILL))
    assert any("was lost" in warning for warning in disturbed.warnings), disturbed
    assert any("going on after epoch" in warning for warning in disturbed.warnings), disturbed
    assert (disturbed.epochs[:2], disturbed.epochs[-1]) == ([1, 2], 6)
    assert disturbed.epochs.count(1) == 1
    of_one, of_other = (evaluate(each, SPLIT.train, SPLIT.test).figure("NDCG@10").mean for each in (one, other))
    assert of_other == pytest.approx(of_one, abs=0.01)
    assert same_weights(one, other)  # not only within noise: gloo adds in a fixed order, and an epoch draws what it would have drawn
    forget(Run("disturbed", str(tmp_path)))
    assert [each.name for each in tmp_path.iterdir()] == ["undisturbed"]


def test_a_run_of_other_data_is_not_gone_on_with(ray_cluster: Any, tmp_path: Path) -> None:
    from models.train import Run, train

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "about.json").write_text('{"split": "another"}')
    with pytest.raises(DataRefused, match="begun with another split"):
        train(SPLIT, PARAMETERS, FITTING, Run("mine", str(tmp_path)))
    with pytest.raises(DataRefused, match="cannot share"):
        train(SPLIT, PARAMETERS, FITTING, Run("many", str(tmp_path), workers=1000))


OWN_RAY = """
import logging, os, sys
os.environ.update(RAY_worker_niceness="0", RAY_ENABLE_UV_RUN_RUNTIME_ENV="0", RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
import ray
ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=128 * 2**20, log_to_driver=False,
         logging_level=logging.ERROR, _temp_dir=sys.argv[2], _node_ip_address="127.0.0.3")
from pathlib import Path
from tests.models.test_train import Told, trained
class Printed(list):
    def append(self, line):
        print(line, flush=True)
        super().append(line)
told = Told(Printed(), Printed())
found = trained(Path(sys.argv[1]), "run", told, lambda: print("checkpoint", sys.stdin.readline(), flush=True))
print("loss", [epoch.loss for epoch in found.epochs], flush=True)
"""


def test_the_whole_ray_killed_it_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with running(storage) as process:
        assert process.stdout is not None
        assert next(line for line in process.stdout if line.strip() == "2")
        # Told, and held up: it waits for a line of ours once there is a checkpoint.
        eventually((storage / "run" / "checkpoint_manager_snapshot.json").exists, 60)
        for pid in [process.pid, *(each.pid for each in psutil.Process(process.pid).children(recursive=True))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(60)
    with running(storage) as process:
        out, _ = process.communicate("go\n", timeout=400)
    assert process.returncode == 0, out
    lines = out.splitlines()
    gone_on = next(line for line in lines if line.startswith("going on after epoch"))
    first = int(gone_on.split()[-1]) + 1
    assert first >= 2
    assert [line for line in lines if line.isdecimal()] == [str(number) for number in range(first, 7)]
    assert lines[-1].startswith("loss [")
    assert lines[-1].count(",") == 5  # what was before is known too


@contextlib.contextmanager
def running(storage: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains on a Ray of its own."""
    with tempfile.TemporaryDirectory(prefix="mt-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", OWN_RAY, str(storage), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(60)
