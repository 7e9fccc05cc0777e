"""The judge itself: histories that are known to be right or wrong, and many that were made up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories.history import Operation, Outcome
from tests.histories.linearizability import refutation
from tests.histories.rows import ABSENT, Get, Put, Remove, State, Swap, step

OK, CONFLICT, UNKNOWN, REFUSED = Outcome.OK, Outcome.CONFLICT, Outcome.UNKNOWN, Outcome.REFUSED


def did(asked: Any, invoked: int, completed: int, answer: State | None = None, outcome: Outcome = OK) -> Operation:
    return Operation("client", "key", asked, outcome, answer, invoked, completed)


def read(version: int, value: str, invoked: int, completed: int) -> Operation:
    return did(Get(), invoked, completed, (version, value))


RIGHT = {
    "nothing": [],
    "one after another": [did(Put("a"), 1, 2), did(Swap(1, "b"), 3, 4), read(2, "b", 5, 6), did(Remove(2), 7, 8), read(0, "", 9, 10)],
    "a read beside a write sees it": [did(Put("a"), 1, 9), read(1, "a", 2, 3)],
    "a read beside a write does not see it yet": [did(Put("a"), 1, 9), read(0, "", 2, 3)],
    "of two that insert at once one wins": [did(Put("a"), 1, 9), did(Put("b"), 1, 9, outcome=CONFLICT), read(1, "a", 10, 11)],
    "what is unknown may have happened": [did(Put("a"), 1, 2, outcome=UNKNOWN), read(1, "a", 3, 4)],
    "what is unknown may never happen": [did(Put("a"), 1, 2, outcome=UNKNOWN), read(0, "", 3, 4), did(Put("b"), 5, 6)],
    "what is unknown may happen late": [did(Put("a"), 1, 2, outcome=UNKNOWN), read(0, "", 3, 4), read(1, "a", 5, 6)],
    "what was refused did not happen": [did(Put("a"), 1, 2, outcome=REFUSED), read(0, "", 3, 4)],
    "an order that is found only by going back": [
        did(Put("a"), 1, 2),
        did(Swap(1, "b"), 3, 20, outcome=UNKNOWN),
        did(Swap(1, "c"), 4, 20),
        did(Swap(2, "d"), 5, 20),
        read(3, "d", 21, 22),
    ],
    "a conflict beside what it ran into": [did(Put("a"), 1, 2), did(Swap(1, "b"), 3, 9), did(Swap(1, "c"), 4, 8, outcome=CONFLICT)],
}
WRONG = {
    "a read of what nobody wrote": [did(Put("a"), 1, 2), read(1, "b", 3, 4)],
    "a write that was lost": [did(Put("a"), 1, 2), read(0, "", 3, 4)],
    "an old read after a new one": [did(Put("a"), 1, 2), did(Swap(1, "b"), 3, 20), read(2, "b", 5, 6), read(1, "a", 7, 8)],
    "two winners": [did(Put("a"), 1, 9), did(Put("b"), 1, 9)],
    "two winners of a version": [did(Put("a"), 1, 2), did(Swap(1, "b"), 3, 9), did(Swap(1, "c"), 3, 9)],
    "a conflict with nobody": [did(Put("a"), 1, 2, outcome=CONFLICT), read(0, "", 3, 4)],
    "a conflict that wrote all the same": [did(Put("a"), 1, 2), did(Swap(1, "b"), 3, 4, outcome=CONFLICT), read(2, "b", 5, 6)],
    "what was refused happened": [did(Put("a"), 1, 2, outcome=REFUSED), read(1, "a", 3, 4)],
    "what is unknown happened twice": [
        did(Put("a"), 1, 2, outcome=UNKNOWN),
        read(1, "a", 3, 4),
        did(Remove(1), 5, 6),
        read(1, "a", 7, 8),
    ],
    "a write seen before it was asked for": [read(1, "a", 1, 2), did(Put("a"), 3, 4)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_history_that_is_right_is_accepted(name: str) -> None:
    assert refutation(RIGHT[name], ABSENT, step) is None


@pytest.mark.parametrize("name", WRONG)
def test_a_history_that_is_wrong_is_refused_with_what_cannot_follow(name: str) -> None:
    found = refutation(WRONG[name], ABSENT, step)
    assert found is not None
    assert found.decided
    assert len(found.stuck) >= 1
    assert "none of these can follow" in str(found)


wishes = st.sampled_from([Get(), Get(), Put(""), Swap(0, ""), Swap(0, ""), Remove(0)])
moves = st.lists(st.tuples(wishes, st.integers(0, 40), st.integers(0, 40), st.sampled_from([0, 0, 0, 1, 2]), st.booleans()), max_size=40)


def happened(chosen: list[tuple[Any, int, int, int, bool]], overlap: bool) -> list[Operation]:
    """Run wishes one after another, each at a moment of its own, and let calls begin earlier and answers come later."""
    state, history = ABSENT, list[Operation]()
    for number, (wish, before, after, missed, unknown) in enumerate(chosen, 1):
        asked = wish
        if isinstance(wish, Put):
            asked = Put(f"v{number}")
        elif isinstance(wish, Swap):
            asked = Swap(max(1, state[0] - missed), f"v{number}")
        elif isinstance(wish, Remove):
            asked = Remove(max(1, state[0] - missed))
        at_ns = 1000 + 10 * number
        times = (at_ns - 1 - before, at_ns + 1 + after) if overlap else (at_ns - 1, at_ns + 1)
        if isinstance(asked, Get):
            history.append(did(asked, *times, state))
            continue
        applied = step(state, did(asked, 0, 0))
        outcome = UNKNOWN if unknown else OK if applied is not None else CONFLICT
        state = state if applied is None else applied
        history.append(did(asked, *times, None, outcome))
    return history


@settings(deadline=None, max_examples=200)
@given(chosen=moves)
def test_whatever_really_happened_is_accepted(chosen: list[tuple[Any, int, int, int, bool]]) -> None:
    assert refutation(happened(chosen, overlap=True), ABSENT, step) is None


@settings(deadline=None, max_examples=200)
@given(chosen=moves, data=st.data())
def test_one_wrong_answer_is_found(chosen: list[tuple[Any, int, int, int, bool]], data: st.DataObject) -> None:
    history = happened(chosen, overlap=True)
    at = data.draw(st.integers(0, len(history)))
    moment = history[at].invoked_ns if at < len(history) else 5000
    assert refutation([*history, read(1, "never written", moment, moment + 5)], ABSENT, step) is not None


@settings(deadline=None, max_examples=200)
@given(chosen=moves, data=st.data())
def test_an_old_answer_is_found_where_nothing_overlapped(chosen: list[tuple[Any, int, int, int, bool]], data: st.DataObject) -> None:
    history = happened([(wish, 0, 0, missed, False) for wish, _, _, missed, _ in chosen], overlap=False)
    reads = [number for number, each in enumerate(history) if each.asked == Get()]
    if not reads:
        return
    at = data.draw(st.sampled_from(reads))
    others = {each.answer for each in history if each.asked == Get()} | {ABSENT, (1, "v1")}
    others.discard(history[at].answer)
    wrong = data.draw(st.sampled_from(sorted(others)))
    history[at] = did(Get(), history[at].invoked_ns, history[at].completed_ns, wrong)
    assert refutation(history, ABSENT, step) is not None
