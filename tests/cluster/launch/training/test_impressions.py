"""What pages have shown and what came of it, from telemetry as the service writes it to a judgement of models."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import open_log
from cluster.durable.entries import APPEND_LIMIT
from cluster.errors import InvalidInput, Misconfigured
from cluster.events import PLAYBACK, TELEMETRY, Event, Topic
from cluster.launch.training import command
from cluster.launch.training.impressions import PICKS, Cards, read_impressions
from cluster.launch.training.off_policy import off_policy_report
from models.data import Floats, Interactions, Questions
from models.errors import DataRefused
from models.off_policy import Impressions, Judgement, table
from serve_apps.recommendations.exploration import slots
from serve_apps.recommendations.stock import Pool
from serve_apps.telemetry.policy import facts
from tests.clock import Clock
from tests.cluster.launch.training.test_from_log import started
from tests.serve_apps.telemetry.told import impression, parsed

AT_S = 1_700_000_000.0
"""When `told.AT` is."""
CARD = {"page_id": "page", "row_id": "top-picks", "row_position": 1, "position": 0, "title_id": "t1"}


def seen(event_id: str, profile_id: str = "p", **fields: Any) -> Event:
    [fact] = facts(profile_id, parsed(impression(event_id, **{**CARD, "propensity": 0.5, **fields})), AT_S)
    return fact


def begun(event_id: str, profile_id: str = "p", **fields: Any) -> Event:
    told = {"kind": "play_begun", "event_id": event_id, "at": "2023-11-14T22:13:20Z", "playable_id": "x", **CARD, **fields}
    [fact] = facts(profile_id, parsed(told), AT_S)
    return fact


def later(event: Event, by_s: float) -> Event:
    return msgspec.structs.replace(event, occurred_at_s=event.occurred_at_s + by_s)


def write(folder: Path, events: Sequence[Event], topic: Topic = TELEMETRY) -> str:
    address = f"sqlite:{folder / 'log'}"

    async def scenario() -> None:
        log = await open_log(address, Clock(AT_S))
        try:
            for first in range(0, len(events), APPEND_LIMIT):
                await log.append(topic, events[first : first + APPEND_LIMIT])
        finally:
            await log.close()

    asyncio.run(scenario())
    return address


def read(folder: Path, events: Sequence[Event], told: list[str] | None = None, **asked: Any) -> Impressions:
    address = write(folder, events)

    async def scenario() -> Impressions:
        log = await open_log(address, Clock(AT_S))
        try:
            return await read_impressions(log, tell=(told if told is not None else []).append, **asked)
        finally:
            await log.close()

    return asyncio.run(scenario())


def cards(found: Impressions) -> list[tuple[str, float, int, str, float, bool]]:
    """Profile, time of the page, place, title, propensity and whether a play began, of each card."""
    return sorted(
        (
            found.profile_ids[found.profile_P[page]],
            float(found.at_s_P[page]),
            int(place),
            found.title_ids[title],
            float(chance),
            bool(played),
        )
        for page, place, title, chance, played in zip(
            found.page_N, found.place_N, found.title_N, found.propensity_N, found.begun_N, strict=True
        )
    )


def test_a_card_is_beside_the_play_that_began_there_whichever_came_first(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            begun("b1", position=1, title_id="t2"),
            later(seen("e1"), 3),
            later(seen("e2", position=1, title_id="t2", propensity=0.02), 4),
            seen("e3", "q"),
            begun("b2", "q"),
            begun("b3", "q", page_id="other"),
            begun("b4", page_id=None, row_id=None, row_position=None, position=None),
        ],
    )
    assert cards(found) == [
        ("p", AT_S + 3, 0, "t1", 0.5, False),
        ("p", AT_S + 3, 1, "t2", 0.02, True),
        ("q", AT_S, 0, "t1", 0.5, True),
    ]
    assert sorted(found.shown.reward_N) == [0, 1, 1]


def test_other_rows_earlier_pages_and_what_comes_again_count_for_nothing(tmp_path: Path) -> None:
    again = seen("e1")
    found = read(tmp_path, [later(again, 10), later(again, 10), seen("e2", page_id="old"), seen("e3", row_id="new")], from_s=AT_S + 5)
    assert cards(found) == [("p", AT_S + 10, 0, "t1", 0.5, False)]


def test_what_is_no_card_is_passed_over_and_told(tmp_path: Path) -> None:
    broken = msgspec.structs.replace(seen("e2", page_id="b"), value={**seen("e2").value, "propensity": 0})
    told: list[str] = []
    assert len(read(tmp_path, [broken, seen("e1")], told)) == 1
    assert [line for line in told if line.startswith("passed over: p/e2")]


def test_nothing_seen_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="no impressions"):
        read(tmp_path, [seen("e1", row_id="new")])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.integers(0, 60)), max_size=30))
def test_the_columns_are_what_a_plain_reading_finds(told: list[tuple[bool, int, int, int, int]]) -> None:
    columns, first_s, known, played = Cards(PICKS, 0), dict[tuple[int, int], float](), set[Any](), set[Any]()
    for number, (plays, profile, page, place, at_s) in enumerate(told):
        card = {"page_id": f"g{page}", "position": place, "title_id": f"t{place}"}
        event = later((begun if plays else seen)(f"e{number}", f"p{profile}", **card), at_s)
        columns.add(event)
        if not plays and (profile, page, place) not in known:  # what comes again is no second sight
            first_s[profile, page] = min(first_s.get((profile, page), event.occurred_at_s), event.occurred_at_s)
        (played if plays else known).add((profile, page, place))
    columns.close_partition()
    if not known:
        return
    expected = [
        (f"p{profile}", first_s[profile, page], place, f"t{place}", 0.5, (profile, page, place) in played) for profile, page, place in known
    ]
    assert cards(columns.impressions()) == sorted(expected)


# --- what models would be worth


class Always:
    """A recommender that ranks the same for everybody."""

    def __init__(self, name: str, ranked: Sequence[int]) -> None:
        self.name, self._ranked = name, ranked

    def fit(self, train: Interactions, validation: Questions) -> None: ...

    def scores(self, questions: Questions) -> Floats:
        score_I = np.zeros(len(self._ranked), dtype=np.float32)
        score_I[list(self._ranked)] = np.arange(len(self._ranked), 0, -1)
        return np.tile(score_I, (len(questions), 1))


CHANCES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.4)
"""How likely a play begins at each title, wherever it stands."""
PLACES = 3


def played_pages(pages: int, rate: float) -> list[Event]:
    """Pages whose row ranks 0, 1, 2 and explores the others at a rate, to 40 profiles, and what they play."""
    draw, events = random.Random(5), list[Event]()
    for page in range(pages):
        profile, pool = f"p{page % 40}", [f"t{title}" for title in range(len(CHANCES))]
        for place, slot in enumerate(slots(pool[:PLACES], Pool.of(pool), frozenset(), rate, str(page))):
            card = {"page_id": f"g{page}", "position": place, "title_id": slot.title_id}
            events.append(later(seen(f"e{page}-{place}", profile, propensity=slot.propensity, **card), 100))
            if draw.random() < CHANCES[int(slot.title_id[1:])]:
                events.append(later(begun(f"b{page}-{place}", profile, **card), 101))
    return events


def judged(folder: Path, events: Sequence[Event], line: Sequence[Always], watched: Interactions) -> Mapping[str, Judgement]:
    address = write(folder, events)

    async def scenario() -> Mapping[str, Judgement]:
        log = await open_log(address, Clock(AT_S))
        try:
            return await off_policy_report(log, line, watched, AT_S)
        finally:
            await log.close()

    return asyncio.run(scenario())


def test_models_are_worth_what_their_rankings_would_have_brought(tmp_path: Path) -> None:
    watched = Interactions.of(["nobody"] * 6, [f"t{title}" for title in range(6)], [AT_S] * 6)
    line = [Always("same", [0, 1, 2, 3, 4, 5]), Always("better", [4, 3, 5, 0, 1, 2]), Always("none of it", [3, 4, 2, 0, 1, 5][::-1])]
    found = judged(tmp_path, played_pages(1500, 0.4), line, watched)
    for name, ranked in (("same", [0, 1, 2]), ("better", [4, 3, 5])):
        truth = sum(CHANCES[title] for title in ranked) / PLACES
        assert found[name].snips.low <= truth <= found[name].snips.high
        assert found[name].ips.low <= truth <= found[name].ips.high
        assert found[name].snips.mean == pytest.approx(truth, abs=0.08)
        assert found[name].covered
    assert found["better"].snips.low > found["same"].snips.high
    assert "| what was shown | 0." in table(found)
    assert "| better |" in table(found)


def test_a_ranking_leaves_out_what_was_watched_before_the_page_and_only_that(tmp_path: Path) -> None:
    titles = ["t0", "t1", "t2"]
    watched = Interactions.of(["p", "p", "q"], ["t0", "t1", "t2"], [AT_S + 9, AT_S + 20, AT_S])
    pages = [
        *(later(seen(f"e{place}", position=place, title_id=title), 10) for place, title in enumerate(["t1", "t2", "t0"])),
        *(later(seen(f"f{place}", "stranger", position=place, title_id=title), 10) for place, title in enumerate(titles)),
        later(seen("g", "stranger", position=3, title_id="newer_than_all"), 10),
    ]
    [found] = judged(tmp_path, pages, [Always("fixed", [0, 1, 2])], watched).values()
    # The first has t1 and t2 where they are, and nothing after them; the stranger all three: five of seven, at 1 / 0.5 each.
    assert found.weight.mean == pytest.approx(2 * 5 / 7)


# --- the command


def test_the_command_judges_by_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MATINEE_DATA", str(tmp_path))
    with pytest.raises(Misconfigured, match="the log alone tells"):
        command.evaluate(str(tmp_path), off_policy=True)
    with pytest.raises(Misconfigured, match="--clip is for --off-policy"):
        command.evaluate(clip=3.0)
    plays = [
        started(f"p{user}", f"t{(user + step) % 6}", AT_S - 1000 + 100 * step + user, version=user * 9 + step, account_id=f"a{user}")
        for user in range(12)
        for step in range(5)
    ]
    write(tmp_path, plays, PLAYBACK)
    with pytest.raises(InvalidInput, match="no impressions"):
        command.evaluate(models="ease", off_policy=True)
    write(tmp_path, played_pages(60, 0.4))
    capsys.readouterr()
    command.evaluate(models="ease", off_policy=True, clip=50.0, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["clip"], told["split"]["name"]) == (50, "global time")
    assert [(each["name"], each["places"], each["users"]) for each in told["models"]] == [
        ("popularity, 7 days", 180, 40),
        ("EASE", 180, 40),
    ]
