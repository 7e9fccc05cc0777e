"""A training's checkpoint as one file, from which another process goes on: weights as safetensors, the epochs as JSON in its header.

Main path: `write` after an epoch, `read` before the next. Nothing in it is ever run: no pickle.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import safetensors.torch
from safetensors import SafetensorError, safe_open

from models.errors import FileRefused
from models.fitting import Epoch
from models.learning import Checkpoint, Course

FILE: Final = "checkpoint.safetensors"
_BEST: Final = "best."


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the file into a folder."""
    course = checkpoint.course
    header = {"epochs": [dataclasses.asdict(epoch) for epoch in course.epochs], "best": course.best, "steps": checkpoint.steps}
    tensors = {**checkpoint.tensors, **{f"{_BEST}{name}": weights for name, weights in course.best_weights.items()}}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    safetensors.torch.save_file(whole, folder / FILE, {"matinee": json.dumps(header)})


def read(folder: Path) -> Checkpoint:
    """Read the file of a folder.

    Raises:
        FileRefused: it is missing or broken.
    """
    path = folder / FILE
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["matinee"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  -- it is no dictionary
        course = Course(
            [Epoch(**epoch) for epoch in header["epochs"]],
            header["best"],
            {name.removeprefix(_BEST): tensor for name, tensor in tensors.items() if name.startswith(_BEST)},
        )
        return Checkpoint(course, header["steps"], {name: tensor for name, tensor in tensors.items() if not name.startswith(_BEST)})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FileRefused(path, f"no checkpoint: {type(error).__name__}") from error
