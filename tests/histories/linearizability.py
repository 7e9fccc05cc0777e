"""Judges whether operations that overlapped can have happened one after another, each at a moment between its call and its answer.

The search of Wing and Gong, with Lowe's memory of what was tried: an operation may come next if none that is left ended before it began.
What changes nothing is taken at once, since it is in nobody's way; what has an unknown outcome may come at any later time, or never.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Final, TypeVar

import msgspec

from tests.histories.history import Operation, Outcome

State = TypeVar("State", bound=Hashable)
Step = Callable[[State, Operation], State | None]
"""The state after an operation that ended as it did, or None if it cannot have ended so in this state."""

STATES_LIMIT: Final = 1_000_000


class Refutation(msgspec.Struct, frozen=True):
    """No order explains the history: the longest that was found, and what could not follow it."""

    longest: list[Operation]
    stuck: list[Operation]
    decided: bool = True
    """False: there were too many orders to try."""

    def __str__(self) -> str:
        why = "cannot be explained" if self.decided else "has too many orders to try"
        lines = [f"a history of {self.stuck[0].key if self.stuck else '?'} {why}; the longest order ends with"]
        return "\n".join([*lines, *map(_line, self.longest[-6:]), "and none of these can follow:", *map(_line, self.stuck)])


def refutation(operations: Sequence[Operation], initial: State, step: Step[State]) -> Refutation | None:
    """Return why the operations on one object are not linearizable, or None if they are."""
    ordered = sorted((each for each in operations if each.outcome is not Outcome.REFUSED), key=lambda each: each.invoked_ns)
    ends = [math.inf if each.outcome is Outcome.UNKNOWN else each.completed_ns for each in ordered]
    certain = sum(1 << number for number, end in enumerate(ends) if end != math.inf)
    pending: list[tuple[int, State, tuple[int, ...]]] = [(0, initial, ())]
    tried: set[tuple[int, State]] = set()
    longest, stuck = tuple[int, ...](), list[int]()

    def next_ones(done: int) -> list[int]:
        horizon = min(ends[number] for number in range(len(ordered)) if not done >> number & 1)
        return [n for n, each in enumerate(ordered) if not done >> n & 1 and each.invoked_ns < horizon]

    def settled(done: int, state: State) -> int | None:
        return next((n for n in next_ones(done) if certain >> n & 1 and step(state, ordered[n]) == state), None)

    while pending:
        done, state, order = pending.pop()
        while certain & ~done and (number := settled(done, state)) is not None:
            done, order = done | 1 << number, (*order, number)
        if not certain & ~done:
            return None
        if (done, state) in tried:
            continue
        tried.add((done, state))
        if len(order) >= len(longest):
            longest, stuck = order, [n for n in next_ones(done) if certain >> n & 1]
        if len(tried) > STATES_LIMIT:
            return Refutation([ordered[n] for n in longest], [ordered[n] for n in stuck], decided=False)
        for number in reversed(next_ones(done)):
            after = step(state, ordered[number])
            if after is not None:
                pending.append((done | 1 << number, after, (*order, number)))
    return Refutation([ordered[n] for n in longest], [ordered[n] for n in stuck])


def _line(each: Operation) -> str:
    span = f"{each.invoked_ns / 1e9:.3f} to {each.completed_ns / 1e9:.3f}"
    return f"  {span} {each.client}: {each.asked} {each.outcome}: {each.answer!r}"
