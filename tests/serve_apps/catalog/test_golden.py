"""What the first version stored and told is read by this one, and written again without loss."""

import json
from pathlib import Path
from typing import Any

import pytest

from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.schemas import Playable
from serve_apps.catalog.snapshot import Snapshot
from tests.serve_apps.catalog.world import EDGE

GOLDEN = sorted((Path(__file__).parent / "golden").glob("title-*.json"))


def contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_stored_title_of_an_earlier_version_is_read_without_loss(path):
    stored = json.loads(path.read_text())
    record = TitleRecord.model_validate(stored)
    assert contains(json.loads(record.encoded()), stored)
    snapshot = Snapshot(EDGE)
    assert snapshot.apply(record.title_id, 1, record)
    for part in record.episodes:
        assert isinstance(snapshot.playable(f"{record.title_id}-s{part.season:02d}e{part.episode:02d}"), Playable)


def test_what_a_later_version_added_is_ignored():
    stored = json.loads(GOLDEN[0].read_text())
    later = {**stored, "added_later": {"x": 1}, "cast": [{"name": "Ada", "added_later": True}]}
    assert TitleRecord.model_validate(later).cast[0].name == "Ada"
