"""The titles that somebody sees, in memory and found by what they share.

Main path: the catalogue's feed -> Shelf.put -> Shelf.stock(sight), made once after each change. Refuses to know profiles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from serve_apps.catalog.client import Sight
from serve_apps.catalog.schemas import Title, TitleCard


class Part(msgspec.Struct, frozen=True, gc=False):
    """A film or an episode that can be played."""

    playable_id: str
    duration_s: float | None
    season: int | None = None
    episode: int | None = None


class Known(msgspec.Struct, frozen=True):
    """What is kept of a title: what its card shows, and what it is compared by."""

    card: TitleCard
    synopsis: str
    parts: tuple[Part, ...]
    """In their order; specials (season 0) are the last, so that nobody begins with one."""
    genres: Mapping[str, str]
    """As they are spelled, by how they compare."""
    people: Mapping[str, str]

    @property
    def title_id(self) -> str:
        """The title's id."""
        return self.card.title_id

    @property
    def newest_first(self) -> tuple[float, str]:
        """Sort key."""
        return -self.card.added_at.timestamp(), self.title_id


def known(title: Title) -> Known:
    """Return what is kept of a title."""
    if title.kind == "film":
        parts = [Part(title.title_id, title.media.duration_s)] if title.media is not None else []
    else:
        episodes = [episode for season in title.seasons for episode in season.episodes if episode.available]
        episodes.sort(key=lambda episode: episode.season == 0)
        parts = [Part(episode.playable_id, episode.duration_s, episode.season, episode.episode) for episode in episodes]
    return Known(
        card=TitleCard(**{name: getattr(title, name) for name in TitleCard.model_fields}),
        synopsis=title.synopsis,
        parts=tuple(parts),
        genres={genre.casefold(): genre for genre in title.genres},
        people={member.name.casefold(): member.name for member in title.cast},
    )


class Stock:
    """Titles by id, by age, and by each genre and person that they have; those of a genre or a person stand newest first."""

    def __init__(self, titles: Iterable[Known]) -> None:
        self.newest: Sequence[Known] = sorted(titles, key=lambda title: title.newest_first)
        self.by_id = {title.title_id: title for title in self.newest}
        # While nothing can be played yet, a page shows what there will be.
        self.playable = [title for title in self.newest if title.parts] or self.newest
        self.by_genre: Mapping[str, list[Known]] = defaultdict(list)
        self.by_person: Mapping[str, list[Known]] = defaultdict(list)
        for title in self.playable:
            for genre in title.genres:
                self.by_genre[genre].append(title)
            for person in title.people:
                self.by_person[person].append(title)

    def sharing(self, title: Known) -> list[Known]:
        """Return the other titles that share a genre or a person with one, the newest first."""
        found: dict[str, Known] = {}
        for index, shared in ((self.by_person, title.people), (self.by_genre, title.genres)):
            for key in shared:
                found.update((each.title_id, each) for each in index.get(key, ()))
        found.pop(title.title_id, None)
        return sorted(found.values(), key=lambda each: each.newest_first)


class Shelf:
    """All titles, drafts too; see serve_apps.catalog.client.Shelf."""

    def __init__(self) -> None:
        self._titles: dict[str, Known] = {}
        self._stocks: dict[Sight, Stock] = {}

    def put(self, title: Title) -> None:
        """Keep a title."""
        self._stocks.clear()
        self._titles[title.title_id] = known(title)

    def drop(self, title_id: str) -> None:
        """Forget a title."""
        self._stocks.clear()
        self._titles.pop(title_id, None)

    def __contains__(self, title_id: str) -> bool:
        return title_id in self._titles

    def stock(self, sight: Sight) -> Stock:
        """Return what a caller sees."""
        if sight not in self._stocks:
            seen = (title for title in self._titles.values() if sight.shows(title.card.maturity, title.card.published))
            self._stocks[sight] = Stock(seen)
        return self._stocks[sight]
