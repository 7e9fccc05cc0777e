"""Training data from the log: every play once, nothing of who was forgotten, whatever comes again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.durable import open_log, partition_of
from cluster.durable.entries import APPEND_LIMIT
from cluster.events import PLAYBACK, Event
from cluster.launch.training.from_log import Plays, read_plays
from cluster.launch.training.history import CHUNK
from models.data import Interactions
from models.errors import DataRefused
from tests.clock import Clock

AT_S = 1_700_000_000.0


def started(profile_id: str, title_id: str, at_s: float, version: int = 1, account_id: str = "anna", **told: Any) -> Event:
    value = {"account_id": account_id, "profile_id": profile_id, "title_id": title_id, "kind": "film", "duration_s": 100.0}
    return Event(PLAYBACK.name, "session.started", account_id, version, at_s, {**value, "position_s": 0.0, **told})


def ended(begun: Event, position_s: float) -> Event:
    value = {**begun.value, "position_s": position_s, "started_at_s": begun.occurred_at_s}
    return msgspec.structs.replace(begun, kind="session.ended", value=value, occurred_at_s=begun.occurred_at_s + position_s)


def forgotten(profile_id: str, version: int, account_id: str = "anna") -> Event:
    return Event(PLAYBACK.name, "history.forgotten", account_id, version, AT_S, {"account_id": account_id, "profile_id": profile_id})


def read(folder: Path, events: Sequence[Event], told: list[str] | None = None) -> Interactions:
    async def scenario() -> Interactions:
        log = await open_log(f"sqlite:{folder / 'log'}", Clock(AT_S))
        try:
            for first in range(0, len(events), APPEND_LIMIT):
                await log.append(PLAYBACK, events[first : first + APPEND_LIMIT])
            return await read_plays(log, (told if told is not None else []).append)
        finally:
            await log.close()

    return asyncio.run(scenario())


def plays(found: Interactions) -> list[tuple[str, str, float, float]]:
    """User, title, second and weight of each, in their order."""
    histories = found.histories
    return [
        (found.user_ids[row], found.item_ids[item], float(at_s), round(float(weight), 2))
        for row, item, at_s, weight in zip(histories.row_N, histories.item_N, histories.time_s_N, histories.weight_N, strict=True)
    ]


def test_a_beginning_and_an_end_are_one_play(tmp_path: Path) -> None:
    late, early = started("p", "b", AT_S + 9.5), started("p", "a", AT_S)
    other = started("q", "b", AT_S + 3, account_id="bob")
    trailer = started("p", "c", AT_S + 20, kind="trailer")
    found = read(tmp_path, [late, ended(late, 50), early, trailer, ended(trailer, 9), other, ended(other, 100), ended(late, 30)])
    assert plays(found) == [("p", "a", AT_S, 0.0), ("p", "b", AT_S + 9, 0.5), ("q", "b", AT_S + 3, 1.0)]
    assert found.item_ids == ("a", "b")


def test_who_was_forgotten_is_not_learned_from_even_if_it_is_told_once_more(tmp_path: Path) -> None:
    first, kept = started("p", "a", AT_S, 1), started("q", "b", AT_S, 2)
    found = read(tmp_path, [first, kept, ended(first, 10), forgotten("p", 4), first, ended(kept, 20), forgotten("p", 4)])
    assert plays(found) == [("q", "b", AT_S, 0.2)]
    assert (found.user_ids, found.item_ids) == (("q",), ("b",))


def test_a_history_that_was_forgotten_begins_anew(tmp_path: Path) -> None:
    found = read(tmp_path, [started("p", "a", AT_S, 1), forgotten("p", 2), started("p", "c", AT_S + 1, 3), forgotten("p", 2)])
    assert plays(found) == [("p", "c", AT_S + 1, 0.0)]


def test_more_than_a_chunk_of_a_partition_is_read(tmp_path: Path) -> None:
    many = [started("p", f"t{n % 7}", AT_S + n, n + 1) for n in range(2 * CHUNK + 1)]
    told: list[str] = []
    found = read(tmp_path, many, told)
    assert [play[2] for play in plays(found)] == [AT_S + n for n in range(2 * CHUNK + 1)]
    assert f"{2 * CHUNK + 1} plays" in told[-1]


def test_nothing_watched_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="nobody has watched anything yet"):
        read(tmp_path, [started("p", "a", AT_S, kind="trailer")])


moves = st.lists(
    st.tuples(st.sampled_from(["start", "end", "forget"]), st.sampled_from("pq"), st.sampled_from("ab"), st.integers(0, 100)), max_size=30
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moved=moves, again=st.lists(st.integers(0, 29), max_size=8))
def test_whatever_is_told_again_changes_nothing(moved: list[tuple[str, str, str, int]], again: list[int]) -> None:
    """Once more, as a relay that was restarted does, in its order."""
    events: list[Event] = []
    for version, (what, profile_id, title_id, seconds) in enumerate(moved, 1):
        begun = started(profile_id, title_id, AT_S + seconds // 10, version)
        events.append(
            {"start": begun, "end": ended(begun, seconds), "forget": forgotten(profile_id, version)}[what],
        )
    kept: dict[tuple[str, str, float], float] = {}
    for event in events:
        if event.kind == "history.forgotten":
            kept = {key: share for key, share in kept.items() if key[0] != event.value["profile_id"]}
            continue
        key = (event.value["profile_id"], event.value["title_id"], event.value.get("started_at_s", event.occurred_at_s))
        kept[key] = max(kept.get(key, 0), event.value["position_s"] / 100)
    told = list(events)
    for upto in again:
        told.extend(events[upto : upto + 3])
    found = Plays()
    for event in told:
        found.add(event)
    found.close_partition()
    if not kept:
        with pytest.raises(DataRefused):
            found.interactions()
        return
    assert sorted(plays(found.interactions())) == sorted((*key, round(share, 2)) for key, share in kept.items())


def test_the_profiles_of_two_accounts_lie_in_partitions_of_their_own(tmp_path: Path) -> None:
    accounts = [f"account-{n}" for n in range(12)]
    assert len({partition_of(account, PLAYBACK.partitions) for account in accounts}) > 3
    found = read(tmp_path, [started(f"p-{account}", "a", AT_S, account_id=account) for account in accounts])
    assert found.user_ids == tuple(sorted(f"p-{account}" for account in accounts))
    assert np.array_equal(found.histories.length_R, np.ones(len(accounts)))
