"""How far a move is, in a small file beside the data, so that one that was broken off goes on.

Main path: `Progress.of` -> `belongs_to` the target -> `begin`, or go on -> `note` -> `end`. Events and objects need no note: they are
found in the target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cluster.launch.instance import unwritable
from cluster.launch.moving.rows import Readable, is_empty


def restore_file(data: Path) -> Path:
    """Return the file of a restore into this folder of data; while it is there, the installation is not whole."""
    return data / "moving" / "restore.json"


class Reached(msgspec.Struct, frozen=True):
    """How far a table is."""

    rows: int = 0
    after: str | None = None
    done: bool = False


class _Noted(msgspec.Struct):
    move: str
    tables: dict[str, Reached] = {}


class Progress:
    """What a move has reached; `move` tells it from all others."""

    def __init__(self, path: Path, noted: _Noted, *, begun: bool) -> None:
        self._path, self._noted, self._begun = path, noted, begun

    @classmethod
    def of(cls, path: Path, *move: str) -> Progress:
        """Return what is noted of this move; a file of another one is as none."""
        name = hashlib.sha256("\0".join(move).encode()).hexdigest()  # URLs may hold passwords
        try:
            noted = msgspec.json.decode(path.read_bytes(), type=_Noted)
        except (OSError, msgspec.DecodeError):
            return cls(path, _Noted(name), begun=False)
        return cls(path, noted, begun=True) if noted.move == name else cls(path, _Noted(name), begun=False)

    async def belongs_to(self, tables: Mapping[str, Readable]) -> bool:
        """Say whether the move was begun, and its target has not been emptied since."""
        for name, reached in self._noted.tables.items():
            if reached.rows and (name not in tables or await is_empty(tables[name])):
                return False
        return self._begun

    def begin(self) -> None:
        """Note that the move begins.

        Raises:
            StorageFull, StoreUnavailable: it cannot be noted.
        """
        self._noted, self._begun = _Noted(self._noted.move), True
        self._save()

    def reached(self, table: str) -> Reached:
        """Return how far a table is."""
        return self._noted.tables.get(table, Reached())

    def note(self, table: str, rows: int, after: str | None) -> None:
        """Note that so many more rows are moved, up to `after`; None: to the end. Raises what `begin` does."""
        self._noted.tables[table] = Reached(self.reached(table).rows + rows, after, after is None)
        self._save()

    def end(self) -> None:
        """Forget the move."""
        self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(self._noted))
            fresh.replace(self._path)
        except OSError as error:
            raise unwritable(self._path.parent, error) from error
