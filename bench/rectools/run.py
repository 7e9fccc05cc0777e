"""Writes a split to a file, has RecTools trained on it in an environment of its own, and makes a recommender of what comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.data import Floats, Histories, Interactions, Questions, Split
from models.ranking import NOTHING

PACKAGE: Final = "rectools[torch]==0.19.0"
PYTHON: Final = "3.11"
"""RecTools 0.19 is not for every Python that Matinee is for."""


class Recommended:
    """What RecTools recommends for the test's questions of a split, as scores: the first of a ranking has most."""

    def __init__(self, name: str, split: Split, found: Path) -> None:
        self.name = name
        self.told: dict[str, Any] = json.loads(found.with_suffix(".json").read_text())
        with np.load(found) as arrays:
            self._ranked_UK = _ranked(arrays, len(split.train.user_ids))
        self._items = split.train.items

    def fit(self, train: Interactions, validation: Questions) -> None:
        """It was."""

    def scores(self, questions: Questions) -> Floats:
        """Return minus the place of what was recommended, minus infinity for all else."""
        score_QI = np.full((len(questions), self._items), -np.inf, dtype=np.float32)
        ranked_QK = self._ranked_UK[questions.user_Q]
        row, place = np.nonzero(ranked_QK != NOTHING)
        score_QI[row, ranked_QK[row, place]] = -place.astype(np.float32)
        return score_QI


def write(split: Split, path: Path) -> None:
    """Write what a split has to learn from and to choose by; the test's targets stay here."""
    np.savez(path, hash=split.hash, **_columns("train", split.train.histories), **_targets(split.validation))


def trained(split: Split, folder: Path, name: str, model: str, settings: dict[str, Any], *options: str) -> Recommended:
    """Train one of its models; folder has the split and gets what comes out."""
    python = os.environ.get("RECTOOLS_PYTHON")
    start = [python] if python else ["uv", "run", "--isolated", "--no-project", "--python", PYTHON, "--with", PACKAGE, "python"]
    write(split, folder / "split.npz")
    out = folder / f"{name}.npz"
    script = Path(__file__).with_name("fit.py")
    arguments = [str(folder / "split.npz"), str(out), "--model", model, "--settings", json.dumps(settings), *options]
    subprocess.run([*start, str(script), *arguments], check=True, stdout=sys.stdout)
    return Recommended(name, split, out)


def _columns(part: str, histories: Histories) -> dict[str, Any]:
    place_N = np.arange(len(histories.item_N)) - histories.start_S[:-1][histories.row_N]
    return {f"{part}_user": histories.row_N, f"{part}_item": histories.item_N, f"{part}_place": place_N}


def _targets(asked: Questions) -> dict[str, Any]:
    place_Q = asked.seen.length_R
    return {"validation_user": asked.user_Q, "validation_item": asked.target.item_N, "validation_place": place_Q}


def _ranked(arrays: Any, users: int) -> np.ndarray[Any, Any]:
    user_N, item_N, rank_N = (arrays[column] for column in ("user", "item", "rank"))
    ranked_UK = np.full((users, int(rank_N.max())), NOTHING, dtype=np.int64)
    ranked_UK[user_N, rank_N - 1] = item_N
    return ranked_UK
