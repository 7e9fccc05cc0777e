"""Reads who watched what from the log's history, as interactions that models learn from.

Main path: `read_plays` -> a partition after another, in chunks -> numbers for ids, columns of numbers -> `Interactions`. Of the events
themselves there is never more than a chunk in memory, of the numbers 17 bytes a fact. What is a play is what the processors take for one.
Shapes: N plays · M facts of plays (a play has a beginning and an end).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from actors.processors import profiles
from cluster.durable import Log
from cluster.events import PLAYBACK, Event
from cluster.launch.training.history import events_of
from models.data import Histories, Interactions
from models.errors import DataRefused


async def read_plays(log: Log, tell: Callable[[str], None] = lambda _: None) -> Interactions:
    """Read all plays that were published when this was called: a row a profile, an item a title, the weight how far it got.

    A play that was published twice counts once. Of a profile whose history was forgotten nothing is taken. Entries that are damaged are
    passed over, and told.

    Raises:
        DataRefused: nobody has watched anything.
        StoreUnavailable: the log does not answer.
    """
    plays = Plays()
    ends = [await log.end(PLAYBACK, partition) for partition in range(PLAYBACK.partitions)]
    for partition, end in enumerate(ends):
        async for event in events_of(log, PLAYBACK, partition, end, tell):
            plays.add(event)
        plays.close_partition()
        tell(f"read partition {partition + 1} of {PLAYBACK.partitions}: {plays.count} plays")
    return plays.interactions()


class Plays:
    """Columns that facts are added to, of a partition after another: all facts of a profile are in one."""

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._forgotten: dict[int, tuple[int, int]] = {}
        """By user: with which version it was forgotten, and how many facts of the partition came before."""
        self._parts: list[Columns] = []
        self._open()

    def add(self, event: Event) -> None:
        """Take a fact; what is no play, and what is known to be forgotten, changes nothing."""
        for profile_id in profiles.keys(event):
            user = self._users.setdefault(profile_id, len(self._users))
            if event.entity_version <= self._forgotten.get(user, (-1, 0))[0]:
                continue
            if event.kind == profiles.FORGOTTEN:
                self._forgotten[user] = (event.entity_version, len(self._user_M))
                continue
            play = profiles.play_of(event)
            self._user_M.append(user)
            self._item_M.append(self._items.setdefault(play.title_id, len(self._items)))
            self._begun_s_M.append(play.begun_at_s)
            self._percent_M.append(play.percent)

    @property
    def count(self) -> int:
        """How many plays the partitions that are closed have."""
        return sum(len(part.user_N) for part in self._parts)

    def close_partition(self) -> None:
        """Make one play of the facts of each, and let those go that were forgotten."""
        columns = Columns(
            np.array(self._user_M, dtype=np.int32),
            np.array(self._item_M, dtype=np.int32),
            np.array(self._begun_s_M, dtype=np.int64),
            np.array(self._percent_M, dtype=np.uint8),
        )
        before_U = np.zeros(len(self._users), dtype=np.int64)
        for user, (_, before) in self._forgotten.items():
            before_U[user] = before
        columns = columns.where(np.arange(len(columns.user_N)) >= before_U[columns.user_N])
        self._parts.append(columns.one_a_play())
        self._open()

    def interactions(self) -> Interactions:
        """Return all of it.

        Raises:
            DataRefused: there is no play.
        """
        if not self.count:
            raise DataRefused("the log has no plays: nobody has watched anything yet")
        parts = self._parts
        # Who was forgotten, and what they alone watched, is no more in the vocabulary than in the rows.
        user_ids, user_N = _sorted(self._users, np.concatenate([part.user_N for part in parts]))
        item_ids, item_N = _sorted(self._items, np.concatenate([part.item_N for part in parts]))
        time_s_N = np.concatenate([part.begun_s_N for part in parts]).astype(np.float64)
        weight_N = np.concatenate([part.percent_N for part in parts]).astype(np.float32) / np.float32(100)
        return Interactions(Histories.of(user_N, item_N, time_s_N, weight_N, len(user_ids)), user_ids, item_ids)

    def _open(self) -> None:
        # Another partition has other profiles: what was forgotten here is of no use there.
        self._forgotten.clear()
        self._user_M, self._item_M, self._begun_s_M, self._percent_M = array("i"), array("i"), array("q"), array("B")


class Columns:
    """Some plays, a number each of user, title, time and percent."""

    def __init__(
        self, user_N: NDArray[np.int32], item_N: NDArray[np.int32], begun_s_N: NDArray[np.int64], percent_N: NDArray[np.uint8]
    ) -> None:
        self.user_N, self.item_N, self.begun_s_N, self.percent_N = user_N, item_N, begun_s_N, percent_N

    def where(self, keep_N: NDArray[np.bool_]) -> Columns:
        """Return what is kept."""
        return Columns(self.user_N[keep_N], self.item_N[keep_N], self.begun_s_N[keep_N], self.percent_N[keep_N])

    def one_a_play(self) -> Columns:
        """Bring together what was told of the same user, title and second, with the highest percent; in the order of first mention."""
        if not len(self.user_N):
            return self
        order_N = np.lexsort((self.begun_s_N, self.item_N, self.user_N))
        differs_N = np.ones(len(order_N), dtype=np.bool_)
        differs_N[1:] = np.logical_or.reduce([np.diff(column_N[order_N]) != 0 for column_N in (self.user_N, self.item_N, self.begun_s_N)])
        starts = np.flatnonzero(differs_N)
        percent_P = np.maximum.reduceat(self.percent_N[order_N], starts)
        first_P = order_N[starts]  # the sort is stable
        again_P = np.argsort(first_P)
        kept_P = first_P[again_P]
        return Columns(self.user_N[kept_P], self.item_N[kept_P], self.begun_s_N[kept_P], percent_P[again_P])


def _sorted(codes: dict[str, int], code_N: NDArray[np.int32]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the ids that occur, sorted, and each code's place among them."""
    there = np.bincount(code_N, minlength=len(codes)) > 0
    ids = sorted(name for name, code in codes.items() if there[code])
    place = np.zeros(len(codes), dtype=np.int64)
    place[[codes[name] for name in ids]] = np.arange(len(ids))
    return tuple(ids), place[code_N]
