"""Trains the sequence model by several workers on Ray Train, each with the rows of its own users.

Main path: `train` -> a part of the users for each worker into Ray's object store -> `_work` in every worker: the loop of
models/fitting.py, gradients added up by gloo (NCCL on GPUs) -> a checkpoint after each epoch -> the best weights. Where a worker is lost,
all are started anew and go on from the newest checkpoint; so does a run of the same name after the whole Ray was lost. Ray must be
connected to.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.fs
import ray
import ray.train
import ray.util.queue
import torch
from ray.train.torch import TorchConfig, TorchTrainer

from models import checkpoints
from models.data import Interactions, Questions, Split
from models.errors import DataRefused, TrainingLost
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.learning import Checkpoint, Worker
from models.sequence import SequenceParameters

ABOUT: Final = "about.json"
NICENESS: Final = 10
"""Of workers on processors: whoever watches a film on this machine goes first."""
STEP_TIMEOUT_S: Final = 600
"""How long workers wait for each other, the first one's validation included."""

HEARD_EVERY_S: Final = "0.5"
"""How often Ray's controller asks the workers: what was reported since would be lost with it."""


@dataclass(frozen=True)
class Run:
    """One training: who begins another of the same name in the same place goes on with it."""

    name: str
    storage: str
    """A folder that all workers reach, or a URL as s3://bucket/prefix; checkpoints lie in its folder `name`."""
    workers: int = 2
    gpu: bool = False
    threads: int = 1
    """Of each worker."""
    most_failures: int = 8
    """After so many losses of workers it is given up."""


def train(
    split: Split,
    parameters: SequenceParameters,
    fitting: FittingParameters,
    run: Run,
    tell: Callable[[Epoch], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> SequenceRecommender:
    """Train, or go on with what is begun, and return the model with its best weights; checkpoints stay until `forget`.

    Raises:
        DataRefused: a run of this name was begun with other data or other parameters, or there are fewer users than workers.
        TrainingLost: workers were lost too often, or cannot be started.
    """
    if not 1 <= run.workers <= len(split.train.histories):
        raise DataRefused(f"{run.workers} workers cannot share {len(split.train.histories)} users")
    fitting = dataclasses.replace(fitting, device="cuda" if run.gpu else "cpu")
    _require_same(run, split, parameters, fitting)
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", HEARD_EVERY_S)
    # No longer than one: whoever is told must not be left behind by epochs that are quick.
    lines = ray.util.queue.Queue(maxsize=1, actor_options={"num_cpus": 0})
    parts = [ray.put(_part(split, rank, run.workers)) for rank in range(run.workers)]
    trainer = TorchTrainer(
        _work,
        train_loop_config={"parts": parts, "parameters": parameters, "fitting": fitting, "threads": run.threads, "lines": lines},
        torch_config=TorchConfig(backend="nccl" if run.gpu else "gloo", timeout_s=STEP_TIMEOUT_S),
        scaling_config=ray.train.ScalingConfig(num_workers=run.workers, use_gpu=run.gpu),
        run_config=ray.train.RunConfig(
            name=run.name,
            storage_path=run.storage,
            failure_config=ray.train.FailureConfig(max_failures=run.most_failures),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
            callbacks=[_Losses(lines)],  # type: ignore[list-item]
        ),
    )
    told = threading.Thread(target=_pass_on, args=(lines, tell, warn), daemon=True)
    told.start()
    try:
        result = trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise TrainingLost(f"the training {run.name} was given up: {str(error).strip().splitlines()[-1]}") from error
    finally:
        lines.put(None)
        told.join()
        lines.shutdown()
    if result.checkpoint is None:
        raise TrainingLost(f"the training {run.name} ended without a checkpoint")
    with result.checkpoint.as_directory() as folder:
        return _trained(checkpoints.read(Path(folder)), split.train, parameters, fitting)


def forget(run: Run) -> None:
    """Delete the checkpoints of a run; nothing happens if there are none."""
    files, folder = _folder(run)
    if files.get_file_info(folder).type == pyarrow.fs.FileType.Directory:
        files.delete_dir(folder)


def _work(config: dict[str, Any]) -> None:
    context = ray.train.get_context()
    rank, fitting, lines = context.get_world_rank(), config["fitting"], config["lines"]
    torch.set_num_threads(config["threads"])
    if fitting.device == "cpu":
        os.nice(max(0, NICENESS - os.nice(0)))
    train, validation = ray.get(config["parts"][rank])

    def keep(checkpoint: Callable[[], Checkpoint]) -> None:
        # Every worker reports, or none goes on.
        told = dataclasses.asdict(recommender.epochs[-1])  # what carries it need not know PyTorch
        with tempfile.TemporaryDirectory() as folder:
            if rank == 0:
                checkpoints.write(Path(folder), checkpoint())
                lines.put(told)
            ray.train.report(told, ray.train.Checkpoint.from_directory(folder) if rank == 0 else None)

    resumed = None
    if (newest := ray.train.get_checkpoint()) is not None:
        with newest.as_directory() as folder:
            resumed = checkpoints.read(Path(folder))
        if rank == 0:
            lines.put(f"going on after epoch {len(resumed.course.epochs)}")
    recommender = SequenceRecommender(config["parameters"], fitting)
    worker = Worker(rank, context.get_world_size(), torch.distributed.all_reduce)
    recommender.fit_together(train, validation, worker, resumed, keep)


class _Losses(ray.train.UserCallback):
    """Tells that a worker was lost; called by Ray's controller."""

    def __init__(self, lines: ray.util.queue.Queue) -> None:
        self._lines = lines

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """See Ray."""
        for rank, error in sorted(worker_exceptions.items()):
            self._lines.put(f"worker {rank} was lost: {str(error).strip().splitlines()[-1:]}")


def _pass_on(lines: ray.util.queue.Queue, tell: Callable[[Epoch], None], warn: Callable[[str], None]) -> None:
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            continue
        except ray.exceptions.RayError:
            return
        match line:
            case None:
                return
            case dict():
                tell(Epoch(**line))
            case _:
                warn(line)


def _part(split: Split, rank: int, of: int) -> tuple[Interactions, Questions]:
    """Return a worker's users, and what only the first is asked."""
    rows = np.arange(rank, len(split.train.histories), of)
    user_ids = tuple(split.train.user_ids[row] for row in rows)
    part = Interactions(split.train.histories.rows(rows), user_ids, split.train.item_ids)
    return part, split.validation if rank == 0 else split.validation.rows(np.array([], dtype=np.int64))


def _trained(found: Checkpoint, train: Interactions, parameters: SequenceParameters, fitting: FittingParameters) -> SequenceRecommender:
    recommender = SequenceRecommender(parameters, fitting)
    recommender.load(train.items, found)
    return recommender


def _require_same(run: Run, split: Split, parameters: SequenceParameters, fitting: FittingParameters) -> None:
    """Note what a run is of, and refuse to go on with one that is of something else."""
    mine = {"split": split.hash, "parameters": dataclasses.asdict(parameters), "fitting": dataclasses.asdict(fitting)}
    files, folder = _folder(run)
    files.create_dir(folder)
    try:
        with files.open_input_stream(f"{folder}/{ABOUT}") as file:
            theirs = json.loads(file.read())
    except FileNotFoundError:
        with files.open_output_stream(f"{folder}/{ABOUT}") as file:
            file.write(json.dumps(mine).encode())
        return
    other = [key for key in mine if mine[key] != theirs.get(key)]
    if other:
        raise DataRefused(f"the training {run.name} was begun with another {' and '.join(other)}: give this one another name")


def _folder(run: Run) -> tuple[Any, str]:
    files, folder = pyarrow.fs.FileSystem.from_uri(run.storage)
    return files, f"{folder.rstrip('/')}/{run.name}"
