"""Decides what was found and why, in which order, and what is told of it besides. Pure.

Main path: hits of the index -> `ordered` -> `narrowed` -> `hit` for those that are shown; `facets` and `people` count all hits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from serve_apps.catalog.schemas import GenreCount, Title, TitleCard, TitleKind
from serve_apps.search.schemas import Facets, Hit, KindCount, Matched, Person
from serve_apps.search.words import grams, likeness, means, words

QUERY_WORDS: Final = 10
"""Words of a query that count: a name has no more."""
PEOPLE_SHOWN: Final = 6
PEOPLE_LOOKED_AT: Final = 200
"""The hits that are asked who is in them; people stand above synopses, so theirs are among the first."""
NEAR_SHOWN: Final = 5
NEAR_LEAST: Final = 0.25


class Named(msgspec.Struct, frozen=True):
    """A name as it is spelled, and its words."""

    name: str
    words: tuple[str, ...]

    @property
    def joined(self) -> str:
        """Its words in one: `Spider-Man`, `spider man` and `spiderman` are the same."""
        return "".join(self.words)


class Entry(msgspec.Struct, frozen=True):
    """What is kept of a title beside the index."""

    card: TitleCard
    names: tuple[Named, ...]
    """What it is called, and what it was called where it was made."""
    people: tuple[Named, ...]
    genres: Mapping[str, tuple[str, ...]]
    """The words of each genre, by how genres compare."""

    @property
    def newest_first(self) -> tuple[float, str]:
        """Sort key."""
        return -self.card.added_at.timestamp(), self.card.title_id


def entry(title: Title) -> Entry:
    """Return what is kept of a title."""
    names = dict.fromkeys(name for name in (title.name, title.original_name) if name)
    people = dict.fromkeys(member.name for member in title.cast)
    return Entry(
        card=TitleCard(**{name: getattr(title, name) for name in TitleCard.model_fields}),
        names=tuple(Named(name, tuple(words(name))) for name in names),
        people=tuple(Named(name, tuple(words(name))) for name in people),
        genres={genre.casefold(): tuple(words(genre)) for genre in title.genres},
    )


class Query(msgspec.Struct, frozen=True):
    """What is looked for: all of the words, the last of them perhaps only begun."""

    words: tuple[str, ...]

    @property
    def joined(self) -> str:
        """All in one word."""
        return "".join(self.words)

    def found_in(self, text: Sequence[str]) -> list[int]:
        """Return for each word how a text has it: 2 as it is asked for, 1 but for some letters, 0 not."""
        last = len(self.words) - 1
        return [max((_closeness(word, other, begun=at == last) for other in text), default=0) for at, word in enumerate(self.words)]


def query(text: str) -> Query | None:
    """Return what a text looks for; None: nothing, it is blank."""
    found = words(text)[:QUERY_WORDS]
    return Query(tuple(found)) if found else None


def ordered(asked: Query, hits: Iterable[tuple[Entry, float]]) -> list[Entry]:
    """Return hits, the best first: called so, called something that begins so, by their score, the newest."""
    as_one = asked.joined

    def rank(hit: tuple[Entry, float]) -> tuple[bool, bool, float, tuple[float, str]]:
        found, score = hit
        names = [name.joined for name in found.names]
        return as_one not in names, not any(name.startswith(as_one) for name in names), -score, found.newest_first

    return [found for found, _ in sorted(hits, key=rank)]


def narrowed(entries: Iterable[Entry], kind: TitleKind | None, genre: str | None) -> list[Entry]:
    """Return the entries of a kind and a genre (None: any)."""
    wanted = genre.casefold() if genre is not None else None
    return [each for each in entries if kind in {None, each.card.kind} and (wanted is None or wanted in each.genres)]


def hit(asked: Query, found: Entry, synopsis: Sequence[str]) -> Hit:
    """Return an entry with what the words were found in: where most of them are, rather its name, then a person, then a genre."""
    person = max(found.people, key=lambda each: sum(asked.found_in(each.words)), default=None)
    as_one = max(_closeness(asked.joined, name.joined, begun=True) for name in found.names) * len(asked.words)
    places: list[tuple[Matched, int]] = [
        ("name", max(as_one, *(sum(asked.found_in(name.words)) for name in found.names))),
        ("person", sum(asked.found_in(person.words)) if person is not None else 0),
        ("genre", max((sum(asked.found_in(genre)) for genre in found.genres.values()), default=0)),
        ("synopsis", sum(2 * any(other.startswith(word) for other in synopsis) for word in asked.words)),
    ]
    matched = max(places, key=lambda place: place[1])[0]
    return Hit(title=found.card, matched=matched, person=person.name if person is not None and matched == "person" else None)


def listed(found: Entry) -> Hit:
    """Return an entry that nothing was asked of but its kind and genre."""
    return Hit(title=found.card, matched="name", person=None)


def facets(entries: Sequence[Entry], kind: TitleKind | None, genre: str | None) -> Facets:
    """Count kinds and genres, the largest genre first; either as if it were not chosen yet, so that another can be."""
    kinds = Counter(each.card.kind for each in narrowed(entries, None, genre))
    genres: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for each in narrowed(entries, kind, None):
        for name in each.card.genres:
            genres[name.casefold()] += 1
            spelled[name.casefold()] = min(name, spelled.get(name.casefold(), name))
    by_size = sorted(genres, key=lambda folded: (-genres[folded], folded))
    return Facets(
        kinds=[KindCount(kind=each, titles=kinds[each]) for each in sorted(kinds)],
        genres=[GenreCount(genre=spelled[folded], titles=genres[folded]) for folded in by_size],
    )


def people(asked: Query, entries: Sequence[Entry]) -> list[Person]:
    """Return those whose names have all words, who is in most titles first; with a letter wrong only where nobody is called so."""
    counts: Counter[str] = Counter()
    called: dict[str, Named] = {}
    for each in entries[:PEOPLE_LOOKED_AT]:
        for person in each.people:
            counts[person.name] += 1
            called[person.name] = person
    closeness = {name: min(asked.found_in(person.words)) for name, person in called.items()}
    closest = max(closeness.values(), default=0)
    found = [name for name in called if closeness[name] == closest > 0]
    return [Person(name=name, titles=counts[name]) for name in sorted(found, key=lambda name: (-counts[name], name))[:PEOPLE_SHOWN]]


def near(text: str, entries: Iterable[Entry]) -> list[str]:
    """Return names of titles and people that look like a text, the most alike first."""
    looked_for = grams(text)
    names = dict.fromkeys(called.name for each in entries for called in (*each.names, *each.people))
    alike = {name: likeness(looked_for, grams(name)) for name in names}
    return sorted((name for name in alike if alike[name] >= NEAR_LEAST), key=lambda name: (-alike[name], name))[:NEAR_SHOWN]


def _closeness(asked: str, word: str, *, begun: bool) -> int:
    if asked == word or (begun and word.startswith(asked)):
        return 2
    return 1 if means(asked, word, begun=begun) else 0
