"""The plays that a named training from the log was begun with: it goes on with them, however many there are meanwhile.

Kept under MATINEE_DATA until the training has ended.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from cluster.errors import StoreUnavailable
from models.data import Histories, Interactions
from models.errors import FileRefused


def begun_with(folder: Path, run: str) -> Interactions | None:
    """Return what a run was begun with; None where it was not begun.

    Raises:
        FileRefused: it cannot be read.
    """
    path = _path(folder, run)
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            histories = Histories(kept["start_S"], kept["item_N"], kept["time_s_N"], kept["weight_N"])
            return Interactions(histories, tuple(kept["user_ids"].tolist()), tuple(kept["item_ids"].tolist()))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise FileRefused(path, "it is damaged: delete it, or give the training another name") from error


def keep(folder: Path, run: str, found: Interactions) -> None:
    """Keep what a run begins with.

    Raises:
        StoreUnavailable: it cannot be written.
    """
    path, histories = _path(folder, run), found.histories
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and renamed: one that was broken off must not look whole.
        with path.with_suffix(".new").open("wb") as file:
            np.savez_compressed(
                file,
                start_S=histories.start_S,
                item_N=histories.item_N,
                time_s_N=histories.time_s_N,
                weight_N=histories.weight_N,
                user_ids=np.array(found.user_ids),
                item_ids=np.array(found.item_ids),
            )
        path.with_suffix(".new").replace(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error


def forget(folder: Path, run: str) -> None:
    """Delete it, if it is there."""
    _path(folder, run).unlink(missing_ok=True)


def _path(folder: Path, run: str) -> Path:
    return folder / f"{run}.plays.npz"
