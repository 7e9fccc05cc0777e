"""Several workers learn what one would, and a training that was broken off goes on as if it had not been."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models import checkpoints
from models.data import Interactions, Questions
from models.errors import FileRefused
from models.evaluate import evaluate
from models.fitting import SequenceRecommender
from models.learning import Checkpoint, Worker
from tests.models.test_fitting import CIRCLE, QUICK, TINY

DRY = replace(TINY, dropout=0.0)  # threads share the generator that dropout draws from; processes don't


@pytest.fixture(autouse=True)
def _one_thread_each() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Together:
    """Adds up tensors of so many threads, as gloo does of processes."""

    def __init__(self, workers: int) -> None:
        self._workers, self._barrier, self._told = workers, threading.Barrier(workers, timeout=120), dict[int, Tensor]()
        self._first_has_weights = threading.Event()

    def worker(self, rank: int) -> Worker:
        """Return a worker, once the first one has drawn its weights: threads share the generator, processes don't."""
        assert rank == 0 or self._first_has_weights.wait(120)

        def add(mine: Tensor) -> None:
            if rank == 0:
                self._first_has_weights.set()
            self._told[rank] = mine.clone()
            self._barrier.wait()
            total = torch.stack([self._told[each] for each in range(self._workers)]).sum(0)
            self._barrier.wait()
            mine.copy_(total)

        return Worker(rank, self._workers, add)


def part(rank: int, of: int) -> Interactions:
    return CIRCLE.train.with_histories(CIRCLE.train.histories.rows(np.arange(rank, len(CIRCLE.train.histories), of)))


def asked(rank: int) -> Questions:
    return CIRCLE.validation if rank == 0 else CIRCLE.validation.rows(np.array([], dtype=np.int64))


def together(workers: int, most_epochs: int = 10) -> list[SequenceRecommender]:
    fitting, group = replace(QUICK, most_epochs=most_epochs), Together(workers)

    def work(rank: int) -> SequenceRecommender:
        made = SequenceRecommender(DRY, fitting)
        made.fit_together(part(rank, workers), asked(rank), group.worker(rank))
        return made

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def resumable(resumed: Checkpoint | None, most_epochs: int, folder: Path) -> SequenceRecommender:
    made = SequenceRecommender(TINY, replace(QUICK, most_epochs=most_epochs))
    worker = Worker(0, 1, lambda _: None)
    made.fit_together(CIRCLE.train, CIRCLE.validation, worker, resumed, lambda checkpoint: checkpoints.write(folder, checkpoint()))
    return made


def same_weights(one: SequenceRecommender, other: SequenceRecommender) -> bool:
    return all(torch.equal(weights, other.model.state_dict()[name]) for name, weights in one.model.state_dict().items())


def test_three_workers_end_with_the_same_weights_and_have_learned_as_well_as_one() -> None:
    found = together(3)
    assert all(same_weights(found[0], each) for each in found[1:])
    assert [[(epoch.number, epoch.loss, epoch.ndcg) for epoch in each.epochs] for each in found[1:]] == [
        [(epoch.number, epoch.loss, epoch.ndcg) for epoch in found[0].epochs]
    ] * 2
    assert evaluate(found[0], CIRCLE.train, CIRCLE.test, k=1).figure("HR@1").mean > 0.95


def test_a_worker_with_hardly_any_users_keeps_step_with_the_others() -> None:
    """One has all but one of the users, so it has batches when the other has none left."""
    group, rows = Together(2), np.arange(len(CIRCLE.train.histories))

    def work(rank: int) -> SequenceRecommender:
        made = SequenceRecommender(DRY, replace(QUICK, most_epochs=2))
        mine = CIRCLE.train.histories.rows(rows[:-1] if rank == 0 else rows[-1:])
        made.fit_together(CIRCLE.train.with_histories(mine), asked(rank), group.worker(rank))
        return made

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, range(2))
    assert same_weights(one, other)


def test_a_step_of_two_workers_is_the_step_of_one_with_both_batches() -> None:
    """One batch an epoch and worker, so that both see what one alone would."""
    whole = replace(QUICK, positions=4096, most_epochs=3, bf16=False)
    group = Together(2)

    def work(rank: int) -> SequenceRecommender:
        made = SequenceRecommender(DRY, replace(whole, positions=2 * whole.positions))
        made.fit_together(part(rank, 2), asked(rank), group.worker(rank))
        return made

    with ThreadPoolExecutor(2) as pool:
        found, _ = pool.map(work, range(2))
    alone = SequenceRecommender(DRY, whole)
    alone.fit(CIRCLE.train, CIRCLE.validation)
    assert [epoch.loss for epoch in found.epochs] == pytest.approx([epoch.loss for epoch in alone.epochs], abs=1e-4)


def test_what_goes_on_from_a_checkpoint_ends_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    undisturbed = resumable(None, 5, tmp_path)
    resumable(None, 2, tmp_path)
    gone_on = resumable(checkpoints.read(tmp_path), 5, tmp_path)
    assert same_weights(undisturbed, gone_on)
    assert [(epoch.loss, epoch.ndcg) for epoch in gone_on.epochs] == [(epoch.loss, epoch.ndcg) for epoch in undisturbed.epochs]
    over = resumable(checkpoints.read(tmp_path), 5, tmp_path)
    assert same_weights(undisturbed, over)


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_broken_checkpoint_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / checkpoints.FILE).write_bytes(content)
    with pytest.raises(FileRefused, match=r"checkpoint\.safetensors: no checkpoint"):
        checkpoints.read(tmp_path)
