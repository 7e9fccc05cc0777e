"""A model that another program trains: the folder that it is given, and the ranking that it writes there, as a recommender.

Main path: `write` -> the program -> `Outside.read`. The targets of the test are never in the folder. What is in it: docs/models.md.
Shapes: Q questions · I items · N entries.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.data import Floats, Histories, Ints, Questions, Split
from models.errors import AnswerRefused

SPLIT: Final = "split.npz"
IDS: Final = "ids.json"
RANKING: Final = "ranking.npz"
ABOUT: Final = "about.json"
K: Final = 10
"""How many places are judged; a program may rank more."""


def write(split: Split, folder: Path, seed: int) -> None:
    """Write what there is to learn from and to choose by, and whom the test asks about; not what they watched then."""
    asked = {
        f"{part}_{name}": column
        for part, questions in (("validation", split.validation), ("test", split.test))
        for name, column in (
            ("user", questions.user_Q),
            ("asked_at_s", questions.asked_at_s_Q),
            *_columns(questions.seen, "seen_", questions.user_Q).items(),
        )
    }
    train = split.train.histories
    target = split.validation.target
    np.savez(
        folder / SPLIT,
        **_columns(train, "train_"),
        train_weight=train.weight_N,
        **asked,
        validation_target_user=split.validation.user_Q[target.row_N],
        validation_target_item=target.item_N,
        items=split.train.items,
        k=K,
        seed=seed,
    )
    ids = {"split": split.name, "hash": split.hash, "users": split.train.user_ids, "items": split.train.item_ids}
    (folder / IDS).write_text(json.dumps(ids))


class Outside:
    """Answers the test's questions of one split, and no others, as another program has ranked for their users."""

    def __init__(self, name: str, ranked: Histories, row_U: Ints, items: int, about: dict[str, Any]) -> None:
        self.name, self.about = name, about
        self.silent = int((ranked.length_R == 0).sum())
        """For how many users it recommends nothing."""
        self._ranked, self._row_U, self._items = ranked, row_U, items

    @classmethod
    def read(cls, name: str, split: Split, folder: Path) -> Outside:
        """Read what the program wrote.

        Raises:
            AnswerRefused: it wrote nothing, or what is no ranking of the split's items for the test's users.
        """
        user_N, item_N, score_N = _arrays(folder / RANKING)
        row_U = np.full(len(split.train.user_ids), -1, dtype=np.int64)
        row_U[split.test.user_Q] = np.arange(len(split.test))
        _refuse(user_N, (user_N < 0) | (user_N >= len(row_U)), "user {} is none of the split")
        _refuse(user_N, row_U[user_N] < 0, "user {} is none whom the test asks about")
        _refuse(item_N, (item_N < 0) | (item_N >= split.train.items), "item {} is none of the split")
        _refuse(score_N, ~np.isfinite(score_N), "a score is {}, no finite number")
        # By item first: ties go to the lower one, as everywhere.
        order_N = np.lexsort((item_N, row_U[user_N]))
        user_N, item_N, score_N = user_N[order_N], item_N[order_N], score_N[order_N]
        twice_N = np.concatenate([[False], (np.diff(user_N) == 0) & (np.diff(item_N) == 0)])
        _refuse(user_N, twice_N, "an item stands twice in the ranking of user {}")
        ranked = Histories.of(row_U[user_N], item_N, -score_N, np.ones(len(item_N), dtype=np.float32), len(split.test))
        return cls(name, ranked, row_U, split.train.items, _about(folder / ABOUT))

    def scores(self, questions: Questions) -> Floats:
        """Return minus the place of what was recommended, minus infinity for all else."""
        ranked = self._ranked.rows(self._row_U[questions.user_Q])
        score_QI = np.full((len(questions), self._items), -np.inf, dtype=np.float32)
        score_QI[ranked.row_N, ranked.item_N] = ranked.start_S[:-1][ranked.row_N] - np.arange(len(ranked.item_N))
        return score_QI


def _columns(histories: Histories, prefix: str, user_R: Ints | None = None) -> dict[str, Any]:
    user_N = histories.row_N if user_R is None else user_R[histories.row_N]
    return {f"{prefix}user": user_N, f"{prefix}item": histories.item_N, f"{prefix}time_s": histories.time_s_N}


def _arrays(path: Path) -> tuple[Ints, Ints, NDArray[np.float64]]:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            user_N, item_N, score_N = (np.asarray(arrays[name]) for name in ("user", "item", "score"))
    except FileNotFoundError as error:
        raise AnswerRefused(f"it wrote no {path.name}") from error
    except KeyError as error:
        raise AnswerRefused(f"{path.name} must hold the arrays user, item and score: {error.args[0]}") from error
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise AnswerRefused(f"{path.name} is not what numpy.savez writes: {str(error).partition(chr(10))[0][:200]}") from error
    shapes = ", ".join(str(array.shape) for array in (user_N, item_N, score_N))
    if not user_N.shape == item_N.shape == score_N.shape or user_N.ndim != 1:
        raise AnswerRefused(f"user, item and score must have one dimension of one length; they have the shapes {shapes}")
    if not len(user_N):
        raise AnswerRefused(f"{path.name} is empty")
    kinds = ", ".join(str(array.dtype) for array in (user_N, item_N, score_N))
    if user_N.dtype.kind not in "iu" or item_N.dtype.kind not in "iu" or score_N.dtype.kind not in "iuf":
        raise AnswerRefused(f"user and item must be whole numbers and score a number; they are {kinds}")
    return user_N.astype(np.int64), item_N.astype(np.int64), score_N.astype(np.float64)


def _refuse(value_N: NDArray[Any], wrong_N: NDArray[np.bool_], detail: str) -> None:
    if wrong_N.any():
        raise AnswerRefused(detail.format(value_N[wrong_N.argmax()]))


def _about(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise AnswerRefused(f"{path.name} is no JSON object: {str(error)[:200]}") from error
