"""Reads what pages have shown, how likely that was and what came of it from the topic of telemetry, as models/off_policy.py takes it.

Main path: `read_impressions` -> a partition after another, in chunks -> the plays that began at a card, beside the impression of that card
-> `Impressions`. All of a profile is in one partition; of that one there is a number of 8 bytes for each card and play in memory, of the
others columns of numbers, and of the events themselves never more than a chunk. Shapes: P pages · N cards of them.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Container
from typing import Annotated, Final

import msgspec
import numpy as np

from cluster.durable import Log
from cluster.events import TELEMETRY, Event
from cluster.launch.training.history import events_of
from models.errors import DataRefused
from models.off_policy import Impressions
from models.row_values import KINDS, kind_of

SEEN: Final = "card.seen"
BEGUN: Final = "play.begun"
PICKS: Final = frozenset({"top-picks"})
"""The kind of rows that show what one ranking of all titles begins with."""


class _Card(msgspec.Struct):
    profile_id: str
    page_id: str
    row_id: str
    position: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    title_id: str


class _Seen(_Card):
    row_position: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    propensity: Annotated[float, msgspec.Meta(gt=0, le=1)]


async def read_impressions(
    log: Log, kinds: Container[str] = PICKS, from_s: float = 0.0, tell: Callable[[str], None] = lambda _: None
) -> Impressions:
    """Read the cards of rows of these kinds that were seen from a time on, of what the topic had when this was called.

    What was sent twice counts once. Plays that began elsewhere, or at a card that nobody told of, count for nothing. Entries that are
    damaged or say something else than they should are passed over, and told.

    Raises:
        DataRefused: no such card was seen.
        StoreUnavailable: the log does not answer.
    """
    cards = Cards(kinds, from_s)
    ends = [await log.end(TELEMETRY, partition) for partition in range(TELEMETRY.partitions)]
    for partition, end in enumerate(ends):
        async for event in events_of(log, TELEMETRY, partition, end, tell):
            try:
                cards.add(event)
            except msgspec.ValidationError as error:
                tell(f"passed over: {event.key}: {error}")
        cards.close_partition()
        tell(f"read partition {partition + 1} of {TELEMETRY.partitions}: {cards.count} cards")
    return cards.impressions()


class Cards:
    """Columns that events are added to, of a partition after another."""

    def __init__(self, kinds: Container[str], from_s: float) -> None:
        self._kinds, self._from_s = kinds, from_s
        self._profiles: dict[str, int] = {}
        self._titles: dict[str, int] = {}
        self._profile_P, self._at_s_P = array("q"), array("d")
        self._page_N, self._place_N, self._title_N, self._begun_N = array("q"), array("q"), array("q"), array("b")
        self._kind_N, self._row_N, self._propensity_N = array("b"), array("q"), array("d")
        self._open()

    def add(self, event: Event) -> None:
        """Take an event.

        Raises:
            msgspec.ValidationError: it is not what telemetry writes.
        """
        kind = kind_of(str(event.value.get("row_id")))
        if kind is None or kind not in self._kinds:
            return
        if event.kind == BEGUN:
            self._begun.add(_key(msgspec.convert(event.value, _Card)))
        elif event.kind == SEEN and event.occurred_at_s >= self._from_s:
            seen = msgspec.convert(event.value, _Seen)
            if self._card_at.setdefault(_key(seen), len(self._page_N)) == len(self._page_N):
                self._page_N.append(self._page(seen, event.occurred_at_s))
                self._place_N.append(seen.position)
                self._title_N.append(self._titles.setdefault(seen.title_id, len(self._titles)))
                self._kind_N.append(KINDS.index(kind))
                self._row_N.append(seen.row_position)
                self._propensity_N.append(seen.propensity)
                self._begun_N.append(0)

    @property
    def count(self) -> int:
        """How many cards there are so far."""
        return len(self._page_N)

    def close_partition(self) -> None:
        """Put the plays beside the cards: they may have come before them."""
        for key in self._begun & self._card_at.keys():
            self._begun_N[self._card_at[key]] = 1
        self._open()

    def impressions(self) -> Impressions:
        """Return all of it.

        Raises:
            DataRefused: there is no card.
        """
        if not self.count:
            raise DataRefused("the log has no impressions of such rows: nobody has seen one in this time")
        return Impressions(
            tuple(self._profiles),
            tuple(self._titles),
            np.array(self._profile_P, dtype=np.int64),
            np.array(self._at_s_P, dtype=np.float64),
            np.array(self._page_N, dtype=np.int64),
            np.array(self._place_N, dtype=np.int64),
            np.array(self._title_N, dtype=np.int64),
            np.array(self._propensity_N, dtype=np.float64),
            np.array(self._begun_N, dtype=np.bool_),
            np.array(self._kind_N, dtype=np.int64),
            np.array(self._row_N, dtype=np.int64),
        )

    def _page(self, seen: _Seen, at_s: float) -> int:
        page = self._page_at.setdefault(_hash(seen.profile_id, seen.page_id), len(self._profile_P))
        if page == len(self._profile_P):
            self._profile_P.append(self._profiles.setdefault(seen.profile_id, len(self._profiles)))
            self._at_s_P.append(at_s)
        else:
            self._at_s_P[page] = min(self._at_s_P[page], at_s)
        return page

    def _open(self) -> None:
        self._card_at: dict[int, int] = {}
        self._page_at: dict[int, int] = {}
        self._begun: set[int] = set()


def _key(card: _Card) -> int:
    return _hash(card.profile_id, card.page_id, card.row_id, str(card.position), card.title_id)


def _hash(*parts: str) -> int:
    # Of some millions two are alike once in a million such logs.
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest())
