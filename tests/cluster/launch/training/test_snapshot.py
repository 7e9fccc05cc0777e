"""A named training goes on with the plays that it was begun with."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.launch.training import data, snapshot
from models.errors import FileRefused
from tests.models.made import interactions


def test_what_comes_back_is_the_same_to_the_bit_until_it_is_forgotten(tmp_path: Path) -> None:
    found = interactions([(f"u{user}", f"t{(user * step) % 5}", step) for user in range(6) for step in range(4)])
    folder = tmp_path / "training"
    assert snapshot.begun_with(folder, "run") is None
    snapshot.keep(folder, "run", found)
    again = snapshot.begun_with(folder, "run")
    assert again is not None
    assert (again.user_ids, again.item_ids) == (found.user_ids, found.item_ids)
    assert data.split(again, "leave-one-out").hash == data.split(found, "leave-one-out").hash
    assert snapshot.begun_with(folder, "another") is None
    snapshot.forget(folder, "run")
    assert list(folder.iterdir()) == []


def test_a_damaged_one_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "run.plays.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(FileRefused, match=r"run\.plays\.npz: it is damaged"):
        snapshot.begun_with(tmp_path, "run")
