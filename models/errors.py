"""What data, and models that come as bytes, can be refused for, and how a training can end.

Models know nothing of the platform, so these stand apart from its tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal


class DataRefused(ValueError):
    """The data cannot be learned from; says what is wrong with them."""


class AnswerRefused(ValueError):
    """What another program wrote is no ranking of the questions that it was given; says what is wrong with it."""


class TrainingLost(RuntimeError):
    """A training ended without a model; says why. Begun again under its name, it goes on from its newest checkpoint."""


class FileRefused(DataRefused):
    """A file of interactions is broken; names the file, and the line and the column where there are such."""

    def __init__(self, path: Path, detail: str, *, line: int | None = None, column: str | None = None) -> None:
        super().__init__(path, detail, line, column)
        self.path, self.detail, self.line, self.column = path, detail, line, column

    def __str__(self) -> str:
        place = f"{self.path}" + (f", line {self.line}" if self.line else "") + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.detail}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own reduce calls cls(*args), which does not fit a signature with keywords.
        return _rebuild, (type(self), self.path, self.detail, self.line, self.column)


def _rebuild(cls: type[FileRefused], path: Path, detail: str, line: int | None, column: str | None) -> FileRefused:
    return cls(path, detail, line=line, column=column)


BundleFault = Literal["checksum", "format", "shape", "not finite", "vocabulary", "ranking"]


class BundleRefused(ValueError):
    """Bytes are no model that can be served; `fault` says of what kind what is wrong with them is, `detail` what it is."""

    def __init__(self, fault: BundleFault, detail: str) -> None:
        super().__init__(fault, detail)
        self.fault, self.detail = fault, detail

    def __str__(self) -> str:
        return f"{self.fault}: {self.detail}"
