"""What a page is made from beside the titles: what other services say of a profile, and what models pick for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from actors.processors.profiles import ProfileState, digest
from serve_apps.playback.schemas import WatchedTitle
from serve_apps.recommendations.schemas import Fallback
from serve_apps.recommendations.stock import Known

UNPLACED_S: Final = 60.0
"""How long after its start a play may have no place: a player says where it is every ten seconds."""


class Sources(msgspec.Struct, frozen=True):
    """What other services say of a profile; None: they did not say it in time."""

    watched: Sequence[WatchedTitle] | None
    """The latest place of each title, the latest first."""
    listed: Sequence[str] | None
    state: ProfileState | None = None
    """What the log says of it: a moment behind, but there from the start of a play on."""
    ratings: Mapping[str, int] = {}
    """How it rated titles: -1 not for it, 1 liked, 2 loved."""

    @property
    def places(self) -> Mapping[str, WatchedTitle]:
        """The places by title."""
        return {place.title_id: place for place in self.watched or ()}

    @property
    def disliked(self) -> frozenset[str]:
        """The titles that are not to be recommended to it."""
        return frozenset(title_id for title_id, rating in self.ratings.items() if rating < 0)

    @property
    def liked(self) -> Sequence[str]:
        """The titles that it likes without having watched them, those last that say most of it: listed, liked, loved."""
        listed = [title_id for title_id in reversed(self.listed or ()) if self.ratings.get(title_id, 0) == 0]
        return [
            *listed,
            *sorted((title_id for title_id, rating in self.ratings.items() if rating > 0), key=lambda each: (self.ratings[each], each)),
        ]

    def begun(self, now_s: float) -> list[str]:
        """Return the titles that were watched, the latest first; what was taken off the history only while playback does not answer."""
        places = self.places
        latest_s = {title_id: place.updated_at_s for title_id, place in places.items()}
        for play in reversed(self.state.plays if self.state is not None else ()):
            if self.watched is None or play.title_id in places or now_s - play.begun_at_s < UNPLACED_S:
                latest_s[play.title_id] = max(play.begun_at_s, latest_s.get(play.title_id, 0.0))
        return sorted(latest_s, key=lambda title_id: -latest_s[title_id])

    def first_s(self, now_s: float) -> dict[str, float]:
        """Return when what was watched was begun first, as far as is known; of the same titles as `begun`."""
        first_s = {play.title_id: float(play.begun_at_s) for play in reversed(self.state.plays if self.state is not None else ())}
        places = self.places
        for title_id in places.keys() - first_s.keys():
            first_s[title_id] = places[title_id].updated_at_s
        return {title_id: first_s[title_id] for title_id in self.begun(now_s)}

    def seen(self) -> Callable[[str], bool]:
        """Return what says whether something of a title was watched."""
        places, digests = self.places, frozenset(self.state.digests if self.state is not None else ())
        return lambda title_id: title_id in places or digest(title_id) in digests


class Picks(msgspec.Struct, frozen=True):
    """What models say for a profile; by default none is live."""

    title_ids: Sequence[str] = ()
    """The most wanted first."""
    because: Mapping[str, str] = {}
    """The title that a pick is most like, of those that were watched."""
    model_version: str | None = None
    fallback: Fallback = "trending"
    alike: Callable[[Known], Sequence[Known]] | None = None
    """What is like a title, the most alike first, with what models say of it; None: they say nothing."""


NO_PICKS: Final = Picks()
