"""What rows are worth, from telemetry in a log."""

from __future__ import annotations

import random
from pathlib import Path

from cluster.events import Event
from cluster.launch.training.values import row_values
from cluster.settings import load
from models.data import Interactions
from tests.cluster.launch.training.test_impressions import begun, later, seen, write

WATCHED = Interactions.of(["p1"], ["t"], [0.0])


def pages(count: int) -> list[Event]:
    """Of two cards each, of which those of likes are played in four of ten pages, new ones hardly ever, wherever they stand."""
    chance, events = random.Random(0), list[Event]()
    for page in range(count):
        rows = ["new", "because-t"]
        chance.shuffle(rows)
        for row_position, row_id in enumerate(rows):
            card = {"page_id": f"page{page}", "row_id": row_id, "row_position": row_position, "title_id": f"t{row_position}"}
            events.append(later(seen(f"s{page}-{row_position}", f"p{page % 40}", **card), page))
            if chance.random() < (0.4 if row_id != "new" else 0.02):
                events.append(later(begun(f"b{page}-{row_position}", f"p{page % 40}", **card), page))
    return events


def test_rows_are_worth_what_was_played_at_their_cards(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = load(data=tmp_path, log=write(tmp_path, pages(400)))
    values = row_values(settings, WATCHED, lines.append)
    assert values is not None
    assert 0.3 < values.of("because", 1, 0) < 0.5
    assert values.of("new", 1, 0) < 0.05
    assert "rows are ordered by what was played on pages" in lines[-1]


def test_where_the_log_tells_too_little_rules_go_on(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = load(data=tmp_path, log=write(tmp_path, []))
    assert row_values(settings, WATCHED, lines.append) is None
    assert lines[-1].startswith("rows stay ordered by rules: the log has no impressions")
    write(tmp_path, pages(20))
    assert row_values(settings, WATCHED, lines.append) is None
    assert "plays began at cards" in lines[-1]
