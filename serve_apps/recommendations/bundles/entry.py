"""What is kept of a bundle beside its bytes, and where those lie."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from cluster.durable import Row, Value
from cluster.errors import CorruptData
from models.about import About, Verdict

PARTITION: Final = "models"
LIFE: Final = "life"
BUNDLE: Final = "bundle/"

_Read = TypeVar("_Read")


class ModelState(StrEnum):
    """Where a model is in its life. What was live before the previous one is a candidate again, or what its verdict said."""

    CANDIDATE = "candidate"
    REFUSED = "refused"
    LIVE = "live"
    PREVIOUS = "previous"


class ModelEntry(msgspec.Struct, frozen=True):
    """A model that is kept."""

    bundle_id: str
    state: ModelState
    added_at_s: float
    bytes: int
    sha256: str
    """Of all its bytes."""
    about: About
    verdict: Verdict


class Kept(msgspec.Struct, frozen=True):
    """An entry as it is stored: its state follows from which one is live."""

    added_at_s: float
    bytes: int
    sha256: str
    about: About
    verdict: Verdict

    @classmethod
    def of(cls, row: Row) -> Kept:
        """Read a row.

        Raises:
            CorruptData: it cannot be read.
        """
        return _read(row, cls)

    def entry(self, life: Life) -> ModelEntry:
        """Return it with its state."""
        bundle_id = self.about.bundle_id
        return ModelEntry(
            bundle_id, life.state(bundle_id, self.verdict), self.added_at_s, self.bytes, self.sha256, self.about, self.verdict
        )

    def value(self) -> Value:
        """Return it as rows hold it."""
        value: Value = msgspec.to_builtins(self)
        return value


class Life(msgspec.Struct, frozen=True):
    """Which model is live, and which was before it."""

    live: str | None = None
    previous: str | None = None
    changed_at_s: float = 0.0

    @classmethod
    def of(cls, row: Row | None) -> Life:
        """Read the row; before there is one, no model is live.

        Raises:
            CorruptData: it cannot be read.
        """
        return _read(row, cls) if row is not None else cls()

    def state(self, bundle_id: str, verdict: Verdict) -> ModelState:
        """Return the state of a model."""
        if bundle_id == self.live:
            return ModelState.LIVE
        if bundle_id == self.previous:
            return ModelState.PREVIOUS
        return ModelState.CANDIDATE if verdict.accepted else ModelState.REFUSED


def object_of(bundle_id: str) -> str:
    """Return the name of the object with a bundle's bytes."""
    return f"models/{bundle_id}.safetensors"


def _read(row: Row, kind: type[_Read]) -> _Read:
    try:
        return msgspec.convert(row.value, kind)
    except msgspec.ValidationError as error:
        raise CorruptData(f"{row.sort} of the models cannot be read: {error}") from error
