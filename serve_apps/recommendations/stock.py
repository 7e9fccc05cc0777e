"""The titles that somebody sees, in memory and found by what they share.

Main path: the catalogue's feed -> Shelf.put -> Shelf.stock(sight), made once after each change. Refuses to know profiles.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from actors.processors.profiles import digest
from serve_apps.catalog.client import Sight
from serve_apps.catalog.schemas import Title, TitleCard

STOCKS_LIMIT: Final = 32
"""Of 27,000 titles one takes half a second to make and some ten megabytes."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """A film or an episode that can be played."""

    playable_id: str
    duration_s: float | None
    season: int | None = None
    episode: int | None = None


class Known(msgspec.Struct, frozen=True):
    """What is kept of a title: what its card shows, and what it is compared by."""

    title_id: str
    card: TitleCard
    synopsis: str
    parts: tuple[Part, ...]
    """In their order; specials (season 0) are the last, so that nobody begins with one."""
    genres: Mapping[str, str]
    """As they are spelled, by how they compare."""
    people: Mapping[str, str]
    languages: frozenset[str]
    """Tags as they compare; none: nobody has said."""
    added_at_s: float


def known(title: Title) -> Known:
    """Return what is kept of a title."""
    if title.kind == "film":
        parts = [Part(title.title_id, title.media.duration_s)] if title.media is not None else []
    else:
        episodes = [episode for season in title.seasons for episode in season.episodes if episode.available]
        episodes.sort(key=lambda episode: episode.season == 0)
        parts = [Part(episode.playable_id, episode.duration_s, episode.season, episode.episode) for episode in episodes]
    return Known(
        title_id=title.title_id,
        card=TitleCard(**{name: getattr(title, name) for name in TitleCard.model_fields}),
        synopsis=title.synopsis,
        parts=tuple(parts),
        genres={genre.casefold(): genre for genre in title.genres},
        people={member.name.casefold(): member.name for member in title.cast},
        languages=frozenset(tag.casefold() for tag in title.languages),
        added_at_s=title.added_at.timestamp(),
    )


class Pool(NamedTuple):
    """Ids of titles, the newest first, and the same to be asked for one."""

    title_ids: Sequence[str]
    among: AbstractSet[str]

    @classmethod
    def of(cls, title_ids: Sequence[str]) -> Pool:
        """Return a pool of these."""
        return cls(title_ids, frozenset(title_ids))

    def without(self, taken: AbstractSet[str]) -> int:
        """Return how many are not taken."""
        return len(self.title_ids) - len(self.among & taken)


class Shared(NamedTuple):
    """How many people and genres some titles share with another, and how many genres there are of both."""

    people: int
    genres: int
    of_genres: int
    places: Iterable[int]
    """Of these titles among the playable ones."""


class Stock:
    """Titles by id and by age, and those that may be recommended by each genre and person that they have."""

    def __init__(self, titles: Iterable[Known], tags: AbstractSet[str] = frozenset()) -> None:
        """Stock titles of which those with one of these tags, or none, are recommended; without `tags` all."""
        self.newest: Sequence[Known] = sorted(titles, key=lambda title: (-title.added_at_s, title.title_id))
        self.by_id = {title.title_id: title for title in self.newest}
        # While nothing can be played yet, a page shows what there will be.
        playable = [title for title in self.newest if title.parts] or self.newest
        # And where there is nothing in these languages, what there is in others.
        self.playable = [title for title in playable if not tags or not title.languages or title.languages & tags] or playable
        # By their places among the playable ones, in this order: what is alike is found without looking at all titles.
        self._genres: defaultdict[str, list[int]] = defaultdict(list)
        self._people: defaultdict[str, list[int]] = defaultdict(list)
        # Sets of genres as bits of a number: hundreds of them are compared to find what is like one title.
        self._bits: dict[str, int] = {}
        self._genres_of: list[int] = []
        self._sets: defaultdict[int, list[int]] = defaultdict(list)
        self._pools: dict[str, Pool] = {}
        self._watched: tuple[Mapping[str, float], Sequence[Known]] = {}, ()
        self.spelled: dict[str, str] = {}
        """Genres as they are shown, by how they compare: of several spellings always the same one."""
        for at, title in enumerate(self.playable):
            for genre, name in title.genres.items():
                self._bits.setdefault(genre, 1 << len(self._bits))
                self._genres[genre].append(at)
                self.spelled[genre] = min(name, self.spelled.get(genre, name))
            for person in title.people:
                self._people[person].append(at)
            self._genres_of.append(self._set_of(title))
            self._sets[self._genres_of[at]].append(at)

    def sharing(self, title: Known) -> Iterator[Shared]:
        """Return what other playable titles share with one, in groups that share as much, each title once."""
        people = Counter(chain.from_iterable(self._people.get(person, ()) for person in title.people))
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for at, shared in people.items():
            if self.playable[at] is not title:
                groups[shared, self._genres_of[at]].append(at)
        wanted, count = self._set_of(title), len(title.genres)
        for (shared, genres), places in groups.items():
            both = (genres & wanted).bit_count()
            yield Shared(shared, both, genres.bit_count() + count - both, places)
        for genres, places in self._sets.items():
            if both := (genres & wanted).bit_count():
                others = (at for at in places if at not in people and self.playable[at] is not title)
                yield Shared(0, both, genres.bit_count() + count - both, others)

    def _set_of(self, title: Known) -> int:
        """Return the genres of a title that playable ones have too."""
        return sum(self._bits.get(genre, 0) for genre in title.genres)

    def of_genre(self, genre: str) -> Iterator[Known]:
        """Return the titles of a genre, the newest first."""
        return (self.playable[at] for at in self._genres.get(genre, ()))

    def most_watched(self, scores: Mapping[str, float]) -> Sequence[Known]:
        """Return what can be played and has a score, the highest first, then the newest; made once for the same scores."""
        if self._watched[0] is not scores:
            found = [title for title in self.playable if scores.get(title.title_id, 0.0) > 0]
            self._watched = scores, sorted(found, key=lambda title: -scores[title.title_id])
        return self._watched[1]

    @cached_property
    def pool(self) -> Pool:
        """What may be recommended."""
        return Pool.of([title.title_id for title in self.playable])

    def pool_of_genre(self, genre: str) -> Pool:
        """Return that of a genre; made once."""
        if genre not in self._pools:
            self._pools[genre] = Pool.of([title.title_id for title in self.of_genre(genre)])
        return self._pools[genre]

    @cached_property
    def by_digest(self) -> Mapping[str, str]:
        """The ids of all titles, by what a profile's state holds of those that it has begun."""
        return {digest(title_id): title_id for title_id in self.by_id}

    @property
    def genres(self) -> Mapping[str, int]:
        """How many titles each genre has."""
        return {genre: len(titles) for genre, titles in self._genres.items()}


class Shelf:
    """All titles, drafts too; see serve_apps.catalog.client.Shelf."""

    def __init__(self) -> None:
        self._titles: dict[str, Known] = {}
        self._stocks: OrderedDict[tuple[Sight, frozenset[str]], Stock] = OrderedDict()
        self._tags: frozenset[str] | None = None

    def put(self, title: Title) -> None:
        """Keep a title."""
        self._changed()
        self._titles[title.title_id] = known(title)

    def drop(self, title_id: str) -> None:
        """Forget a title."""
        self._changed()
        self._titles.pop(title_id, None)

    def _changed(self) -> None:
        self._stocks.clear()
        self._tags = None

    def __contains__(self, title_id: str) -> bool:
        return title_id in self._titles

    def stock(self, sight: Sight, languages: Iterable[str] = ()) -> Stock:
        """Return what a caller sees, to be recommended in these languages; none: in any."""
        # By the tags that titles have: whoever asks for languages that none has makes no stock more.
        wanted = sight, self._tags_of(languages)
        if wanted not in self._stocks:
            seen = (title for title in self._titles.values() if sight.shows(title.card.maturity, title.card.published))
            self._stocks[wanted] = Stock(seen, wanted[1])
            if len(self._stocks) > STOCKS_LIMIT:
                self._stocks.popitem(last=False)
        self._stocks.move_to_end(wanted)
        return self._stocks[wanted]

    def _tags_of(self, languages: Iterable[str]) -> frozenset[str]:
        """Return the tags of titles that are in one of these languages: a title in `pt-BR` is one in `pt`."""
        wanted = tuple(f"{language.casefold()}-" for language in languages)
        if not wanted:
            return frozenset()
        if self._tags is None:
            self._tags = frozenset(chain.from_iterable(title.languages for title in self._titles.values()))
        return frozenset(tag for tag in self._tags if f"{tag}-".startswith(wanted))
