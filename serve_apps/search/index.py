"""All titles in an index of tantivy in RAM, changed a title at a time; drafts too.

Main path: put -> a document under a number of its own -> `find` by queries that are built, never parsed -> the entries of the numbers.
A change is seen at the next search. Refuses to know who asks: what they may see is said with each search, and filters first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import tantivy
from tantivy import FieldType, Occur

from serve_apps.catalog.client import Sight
from serve_apps.catalog.schemas import Title
from serve_apps.search.policy import Entry, Query, entry
from serve_apps.search.words import grams, typos, words

HITS_LIMIT: Final = 1000
"""The best hits; what is counted is counted among them."""
NEAR_HITS: Final = 50
_HEAP_BYTES: Final = 15_000_000
"""The least that a writer takes."""

_NUMBER, _MATURITY, _PUBLISHED, _JOINED, _GRAMS = "number", "maturity", "published", "joined", "grams"
_NAME, _PEOPLE, _GENRES, _SYNOPSIS = "name", "people", "genres", "synopsis"
_WEIGHTS: Final = {_NAME: 8.0, _PEOPLE: 4.0, _GENRES: 3.0, _SYNOPSIS: 1.0}
_BEGUN: Final = 0.7
_MISSPELLED: Final = 0.3
"""What a word counts that is only begun, or has a letter wrong."""
_AS_ONE: Final = 6.0
"""What the beginning of a name counts whose words are written in one."""


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in (_NUMBER, _MATURITY):
        builder.add_unsigned_field(field, indexed=True, fast=True)
    builder.add_boolean_field(_PUBLISHED, indexed=True)
    for field in (*_WEIGHTS, _JOINED, _GRAMS):
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="basic")
    return builder.build()


class Index:
    """Titles by what their texts hold; see serve_apps.catalog.client.Shelf."""

    def __init__(self) -> None:
        self._schema = _schema()
        self._index = tantivy.Index(self._schema)
        self._writer = self._index.writer(_HEAP_BYTES, num_threads=1)
        self._numbers: dict[str, int] = {}
        self._entries: dict[int, Entry] = {}
        self._synopses: dict[int, str] = {}
        self._last = 0
        self._changed = False

    def put(self, title: Title) -> None:
        """Keep a title."""
        self.drop(title.title_id)
        self._last += 1
        kept = entry(title)
        episodes = (episode.name for season in title.seasons for episode in season.episodes)
        synopsis = " ".join(words("\n".join((title.synopsis, *episodes))))
        people = [word for person in kept.people for word in person.words]
        document = tantivy.Document()
        document.add_unsigned(_NUMBER, self._last)
        document.add_unsigned(_MATURITY, kept.card.maturity)
        document.add_boolean(_PUBLISHED, kept.card.published)
        for name in kept.names:
            document.add_text(_NAME, " ".join(name.words))
            document.add_text(_JOINED, name.joined)
        document.add_text(_PEOPLE, " ".join(people))
        document.add_text(_GENRES, " ".join(word for genre in kept.genres.values() for word in genre))
        document.add_text(_SYNOPSIS, synopsis)
        document.add_text(_GRAMS, " ".join(sorted(grams(" ".join((*(word for name in kept.names for word in name.words), *people))))))
        self._writer.add_document(document)
        self._numbers[title.title_id], self._entries[self._last], self._synopses[self._last] = self._last, kept, synopsis
        self._changed = True

    def drop(self, title_id: str) -> None:
        """Forget a title."""
        number = self._numbers.pop(title_id, None)
        if number is not None:
            del self._entries[number], self._synopses[number]
            self._writer.delete_documents_by_term(_NUMBER, number)
            self._changed = True

    def settle(self) -> None:
        """Make all changes so far visible; a search does it, too."""
        if self._changed:
            self._writer.commit()
            self._index.reload()
            self._changed = False

    def __contains__(self, title_id: str) -> bool:
        return title_id in self._numbers

    def synopsis(self, found: Entry) -> Sequence[str]:
        """Return the words of a title's synopsis and of its episodes' names."""
        number = self._numbers.get(found.card.title_id)
        return self._synopses[number].split() if number is not None else ()

    def everything(self, sight: Sight) -> list[Entry]:
        """Return all titles that a caller sees, the newest first."""
        seen = (each for each in self._entries.values() if sight.shows(each.card.maturity, each.card.published))
        return sorted(seen, key=lambda each: each.newest_first)

    def find(self, asked: Query, sight: Sight) -> list[tuple[Entry, float]]:
        """Return the titles that have all words somewhere, with their scores; those that a caller sees."""
        *whole, last = asked.words
        each_word = [*(self._word(word, begun=False) for word in whole), self._word(last, begun=True)]
        all_words = tantivy.Query.boolean_query([(Occur.Must, word) for word in each_word])
        as_one = self._scored(self._fuzzy(_JOINED, asked.joined, 0, begun=True), _AS_ONE)
        nearly = self._scored(self._fuzzy(_JOINED, asked.joined, typos(asked.joined), begun=True), _AS_ONE * _MISSPELLED)
        return self._search(tantivy.Query.disjunction_max_query([all_words, as_one, nearly]), sight, HITS_LIMIT)

    def alike(self, text: str, sight: Sight) -> list[Entry]:
        """Return titles with names or people that share most runs of letters with a text."""
        runs = [self._scored(tantivy.Query.term_query(self._schema, _GRAMS, run), 1.0) for run in sorted(grams(text))]
        query = tantivy.Query.boolean_query([(Occur.Should, run) for run in runs])
        return [found for found, _ in self._search(query, sight, NEAR_HITS)]

    def _search(self, query: tantivy.Query, sight: Sight, limit: int) -> list[tuple[Entry, float]]:
        self.settle()
        searcher = self._index.searcher()
        hits = searcher.search(tantivy.Query.boolean_query([(Occur.Must, query), *self._seen(sight)]), limit, count=False).hits
        numbers = searcher.fast_field_values(_NUMBER, [address for _, address in hits])
        found = ((self._entries.get(int(number or 0)), score) for (score, _), number in zip(hits, numbers, strict=True))
        return [(each, float(score)) for each, score in found if each is not None]

    def _seen(self, sight: Sight) -> Iterable[tuple[Occur, tantivy.Query]]:
        if sight.cap < 0:
            return [(Occur.Must, tantivy.Query.empty_query())]
        cap = tantivy.Query.range_query(self._schema, _MATURITY, FieldType.Unsigned, upper_bound=sight.cap)
        published = tantivy.Query.term_query(self._schema, _PUBLISHED, True)
        filters = [cap] if sight.drafts else [cap, published]
        return [(Occur.Must, self._scored(each, 0.0)) for each in filters]

    def _word(self, word: str, *, begun: bool) -> tantivy.Query:
        """Return what finds a word: the best of the fields that have it decides its score."""
        ways = []
        for field, weight in _WEIGHTS.items():
            ways.append(self._scored(tantivy.Query.term_query(self._schema, field, word), weight))
            if begun:
                ways.append(self._scored(self._fuzzy(field, word, 0, begun=True), weight * _BEGUN))
            if typos(word) and field != _SYNOPSIS:  # a long text has a neighbour of most words
                ways.append(self._scored(self._fuzzy(field, word, typos(word), begun=begun), weight * _MISSPELLED))
        return tantivy.Query.disjunction_max_query(ways)

    def _fuzzy(self, field: str, word: str, distance: int, *, begun: bool) -> tantivy.Query:
        return tantivy.Query.fuzzy_term_query(self._schema, field, word, distance, transposition_cost_one=True, prefix=begun)

    def _scored(self, query: tantivy.Query, score: float) -> tantivy.Query:
        return tantivy.Query.const_score_query(query, score)
