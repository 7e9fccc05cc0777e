"""The demo's audience leaves what sessions leave, the same each time, and likes what it likes."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec

import pytest

from cluster.durable import partition_of
from cluster.events import PLAYBACK, Event

if not find_spec("torch"):
    pytest.skip("this install has no models", allow_module_level=True)

from cluster.launch.demo.audience import DAYS, Watchable, begins_s, facts
from cluster.launch.training.from_log import Plays

NOW_S = 1_800_000_000.0
GENRES = ("Comedy", "Drama", "Thriller")
TITLES = [Watchable(f"t{n:02}", f"p{n:02}", f"Title {n}", "film", 0, (GENRES[n % 3],), 60.0) for n in range(12)]


def told(members: int = 200) -> list[list[Event]]:
    return list(facts(TITLES, begins_s(NOW_S), members))


def test_each_member_begins_and_ends_one_play_after_another_before_today() -> None:
    accounts = told(40)
    assert len(accounts) == len({events[0].key for events in accounts}) == 40
    for events in accounts:
        assert {event.key for event in events} == {events[0].value["account_id"]}
        assert [event.entity_version for event in events] == list(range(1, len(events) + 1))
        assert [event.kind for event in events] == ["session.started", "session.ended"] * (len(events) // 2)
        times_s = [event.occurred_at_s for event in events]
        assert times_s == sorted(times_s)
        begun_s = [event.occurred_at_s for event in events if event.kind == "session.started"]
        assert min(begun_s) > NOW_S - (DAYS + 1) * 86_400 and max(begun_s) < NOW_S // 86_400 * 86_400
        for begun, ended in zip(events[::2], events[1::2], strict=True):
            assert ended.value["started_at_s"] == begun.occurred_at_s
            assert 0 < ended.value["position_s"] <= ended.value["duration_s"] == 60.0


def test_the_same_titles_on_the_same_day_give_the_same_facts() -> None:
    assert told(20) == list(facts(TITLES, begins_s(NOW_S + 3600), 20))


def test_training_reads_what_they_watched_and_finds_tastes_in_it() -> None:
    plays, accounts = Plays(), told()
    for partition in range(PLAYBACK.partitions):
        for events in accounts:
            if partition_of(events[0].key, PLAYBACK.partitions) == partition:
                for event in events:
                    plays.add(event)
        plays.close_partition()
    histories = plays.interactions().histories
    assert len(histories) == 200 and histories.length_R.min() >= 4
    # Of somebody without taste a third of the plays were of the genre watched most, and some by chance.
    shares = [Counter(item % 3 for item in histories.items(user)[:4]).most_common(1)[0][1] / 4 for user in range(200)]
    assert sum(shares) / 200 > 0.65
