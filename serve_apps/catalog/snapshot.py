"""All titles in the memory of a replica, answered from bytes encoded once.

Main path: apply() a stored version -> an Entry and its places in the sorted lists -> page(), detail(), playable().
Memory: about 8 KiB a film with full texts, pictures and media, 2.5 KiB an episode (bench/catalog_memory.py).
Knows neither store nor log; the higher version wins, whatever order they come in.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cluster.errors import InvalidCursor
from serve_apps.catalog import views
from serve_apps.catalog.policy import Sight, place_of
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.schemas import Artwork, Playable, Sort, TitleKind, TitleOutline
from serve_apps.http import decode_cursor, encode_cursor

TOMBSTONES: Final = 10_000
"""How many deleted titles are remembered, so that a late event does not bring one back."""

CURSOR_LIMIT: Final = 2000
"""Holds the key of any title: 200 characters of a name, of at most 6 bytes each without case or as JSON, in base64."""

Key = tuple[Any, ...]
_CURSORS: Final[dict[Sort, msgspec.json.Decoder[tuple[str, Key]]]] = {
    "added": msgspec.json.Decoder(tuple[str, tuple[float, str]]),
    "name": msgspec.json.Decoder(tuple[str, tuple[str, str]]),
    "year": msgspec.json.Decoder(tuple[str, tuple[int, str, str]]),
}


class Filter(msgspec.Struct, frozen=True):
    """Which titles a list holds; None: any. `genre`, `name` and `language` compare without case; `en` finds `en-GB`."""

    kind: TitleKind | None = None
    genre: str | None = None
    language: str | None = None
    name: str | None = None
    year: int | None = None

    def folded(self) -> Filter:
        """Return it as entries compare."""
        return msgspec.structs.replace(
            self,
            genre=self.genre.strip().casefold() if self.genre is not None else None,
            language=self.language.casefold() if self.language is not None else None,
            name=self.name.strip().casefold() if self.name is not None else None,
        )


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One title: what lists select and sort by, and its answers as JSON."""

    version: int
    kind: str
    published: bool
    maturity: int
    year: int | None
    name: str
    genres: tuple[str, ...]
    languages: tuple[str, ...]
    added: Key
    card: bytes
    detail: bytes
    """As members see it."""
    artwork: bytes
    playables: dict[str, bytes]
    """Without the title's artwork, which all share."""

    def key(self, title_id: str, sort: Sort) -> Key:
        """Return its place in a sorted list."""
        if sort == "added":
            return self.added
        return (self.name, title_id) if sort == "name" else (-(self.year or 0), self.name, title_id)

    def passes(self, wanted: Filter) -> bool:
        """Decide whether a list holds it."""
        return (
            (wanted.kind is None or wanted.kind == self.kind)
            and (wanted.genre is None or any(wanted.genre == genre.casefold() for genre in self.genres))
            and (wanted.language is None or any(f"{spoken}-".startswith(f"{wanted.language}-") for spoken in self.languages))
            and (wanted.name is None or wanted.name == self.name)
            and (wanted.year is None or wanted.year == self.year)
        )


class Snapshot:
    """The titles by id and in each order that lists may have."""

    def __init__(self, edge_url: str) -> None:
        self._edge_url = edge_url
        self._entries: dict[str, Entry] = {}
        self._sorted: dict[Sort, list[Key]] = {sort: [] for sort in _CURSORS}
        self._deleted: OrderedDict[str, int] = OrderedDict()
        self._genres: dict[Sight, list[tuple[str, int]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def apply(self, title_id: str, version: int, record: TitleRecord | None) -> bool:
        """Take a stored version of a title in (None: it was deleted); return False if this or a newer one is held."""
        if self._version(title_id) >= version:
            return False
        self._genres.clear()
        old = self._entries.pop(title_id, None)
        new = self._entry(version, record) if record is not None else None
        for sort, keys in self._sorted.items():
            if old is not None:
                # Bisect finds the key itself: keys end in the title's id.
                del keys[bisect_right(keys, old.key(title_id, sort)) - 1]
            if new is not None:
                insort(keys, new.key(title_id, sort))
        if new is not None:
            self._entries[title_id] = new
        else:
            self._deleted[title_id] = version
            if len(self._deleted) > TOMBSTONES:
                self._deleted.popitem(last=False)
        return True

    def detail(self, title_id: str, sight: Sight) -> Entry | None:
        """Return a title's entry if the caller sees it."""
        entry = self._entries.get(title_id)
        return entry if entry is not None and sight.shows(entry.maturity, entry.published) else None

    def playable(self, playable_id: str) -> Playable | None:
        """Return a playable that is held here, whoever asks.

        Raises:
            PlayableNotFound: no playable has an id like this.
        """
        entry = self._entries.get(place_of(playable_id).title_id)
        raw = entry.playables.get(playable_id) if entry is not None else None
        if entry is None or raw is None:
            return None
        return Playable.model_validate_json(raw).model_copy(update={"artwork": Artwork.model_validate_json(entry.artwork)})

    def outline(self, title_id: str) -> TitleOutline | None:
        """Return what can be played of a title that is held here, whoever asks."""
        entry = self._entries.get(title_id)
        if entry is None:
            return None
        return views.outline(title_id, [Playable.model_validate_json(raw) for raw in entry.playables.values()])

    def page(self, sight: Sight, wanted: Filter, sort: Sort, limit: int, cursor: str | None) -> bytes:
        """Return a page of cards as JSON; a title that comes meanwhile neither repeats nor hides another.

        Raises:
            InvalidCursor: it was made by another order, or not by us.
        """
        cards: list[bytes] = []
        last: Key = ()
        following: str | None = None
        for key, entry in self._listed(sight, wanted.folded(), sort, _after(cursor, sort)):
            if len(cards) == limit:
                following = encode_cursor(msgspec.json.encode((sort, last)).decode())
                break
            cards.append(entry.card)
            last = key
        return b'{"items":[' + b",".join(cards) + b'],"next_cursor":' + msgspec.json.encode(following) + b"}"

    def genres(self, sight: Sight) -> list[tuple[str, int]]:
        """Return the genres that the caller sees, by name, each with its number of titles."""
        if sight not in self._genres:
            counts: defaultdict[str, int] = defaultdict(int)
            spelled: dict[str, str] = {}
            for entry in self._entries.values():
                if sight.shows(entry.maturity, entry.published):
                    for genre in entry.genres:
                        counts[genre.casefold()] += 1
                        spelled[genre.casefold()] = min(genre, spelled.get(genre.casefold(), genre))
            self._genres[sight] = [(spelled[folded], counts[folded]) for folded in sorted(counts)]
        return self._genres[sight]

    def _listed(self, sight: Sight, wanted: Filter, sort: Sort, after: Key | None) -> Iterator[tuple[Key, Entry]]:
        keys = self._sorted[sort]
        for index in range(bisect_right(keys, after) if after is not None else 0, len(keys)):
            entry = self._entries[keys[index][-1]]
            if sight.shows(entry.maturity, entry.published) and entry.passes(wanted):
                yield keys[index], entry

    def _version(self, title_id: str) -> int:
        entry = self._entries.get(title_id)
        return entry.version if entry is not None else self._deleted.get(title_id, 0)

    def _entry(self, version: int, record: TitleRecord) -> Entry:
        card = views.card(record, self._edge_url)
        return Entry(
            version=version,
            kind=record.kind,
            published=record.published,
            maturity=record.maturity,
            year=record.year,
            name=record.name.casefold(),
            genres=tuple(record.genres),
            languages=tuple(tag.casefold() for tag in card.languages),
            added=(-record.added_at_s, record.title_id),
            card=card.model_dump_json().encode(),
            detail=views.title(record, self._edge_url, drafts=False).model_dump_json().encode(),
            artwork=card.artwork.model_dump_json().encode(),
            playables={
                playable.playable_id: playable.model_dump_json(exclude={"artwork"}).encode()
                for playable in views.playables(record, self._edge_url)
            },
        )


def _after(cursor: str | None, sort: Sort) -> Key | None:
    text = decode_cursor(cursor)
    if text is None:
        return None
    try:
        made_by, key = _CURSORS[sort].decode(text)
    except msgspec.DecodeError as error:
        raise InvalidCursor from error
    if made_by != sort:
        raise InvalidCursor("The cursor belongs to another order")
    return key
