"""Decides what a profile's page shows, by rules until models exist: the hero, the rows, what is alike. Pure.

Main path: `home` -> the personal rows as their sources have them -> the others share out what there is: no title stands in two of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Final

from models.row_values import RowValues
from serve_apps.playback.schemas import WatchedTitle
from serve_apps.recommendations.schemas import Home, HomeItem, HomeRow, RowKind
from serve_apps.recommendations.sources import NO_PICKS, Picks, Sources
from serve_apps.recommendations.stock import Known, Part, Shared, Stock

ROW_LIMIT: Final = 20
ROW_LEAST: Final = 3
"""Fewer titles make no row of a genre, nor of what is alike."""
NEW_LEAST: Final = 12
"""So many of the new ones are shown however few titles there are."""
BECAUSE_ROWS: Final = 2
GENRE_ROWS: Final = 12
HERO_AMONG: Final = 10
"""The hero is one of so many of the newest."""
FRESH_S: Final = 14 * 86400.0
DAY_S: Final = 86400.0
WATCHED_WEIGHT: Final = 2
"""Having watched a title says more of what somebody likes than having put it on the list."""
ENCODER_GPU: Final = 0.1
ALIKE_LIMIT: Final = 500
"""Of many thousand titles that share a genre with one, no row shows more."""
PERSON_WEIGHT: Final = 2.0
"""One shared face makes two titles as much alike as all genres shared."""

NOTHING: Final[Mapping[str, float]] = {}


def home(
    stock: Stock,
    sources: Sources,
    profile_id: str,
    now_s: float,
    scores: Mapping[str, float] = NOTHING,
    picks: Picks = NO_PICKS,
    values: RowValues | None = None,
) -> Home:
    """Return a profile's page; it has something to show whenever there is a title.

    `scores` say how much titles are watched by all, `values` what rows are worth: of the most worth is the first, else rules order them.
    """
    places, disliked = sources.places, _disliked(stock, sources)
    chosen = hero(stock, places.keys(), profile_id, now_s, disliked)
    top = top_row(stock, sources, picks)
    taken = disliked | {item.title.title_id for item in top.items}
    because = because_rows(stock, sources, now_s, taken, picks)
    taken |= {item.title.title_id for row in because for item in row.items}
    popular = popular_row(stock, places, taken, scores)
    taken |= {item.title.title_id for item in popular.items}
    new = new_row(stock, places, taken)
    taken |= {item.title.title_id for item in new.items}
    rows = [continue_row(stock, sources), top, list_row(stock, sources), new, popular, *because, *genre_rows(stock, sources, taken)]
    return Home(
        hero=item(chosen, places, synopsis=chosen.synopsis or None, reason="New" if _fresh(chosen, now_s) else None) if chosen else None,
        rows=ordered([row for row in rows if row.items or row.failed], values, len(places)),
        model_version=picks.model_version,
        fallback=picks.fallback,
    )


def ordered(rows: Sequence[HomeRow], values: RowValues | None, titles_watched: int) -> list[HomeRow]:
    """Return the rows that a play most likely begins at first; those that are worth the same as they were."""
    return sorted(rows, key=lambda row: -values.of(row.kind, len(row.items), titles_watched) if values is not None else 0.0)


def _disliked(stock: Stock, sources: Sources) -> frozenset[str]:
    """Return what is recommended nowhere on the page; nothing, where nothing else could be."""
    disliked = sources.disliked
    return disliked if stock.pool.without(disliked) else frozenset()


def gpu_share(gpus: float) -> float:
    """Return what share of a GPU an encoder takes: of a cluster's only one nothing, for training asks for a whole one."""
    return ENCODER_GPU if gpus > 1 else 0.0


# --- one title


def item(title: Known, places: Mapping[str, WatchedTitle], *, synopsis: str | None = None, reason: str | None = None) -> HomeItem:
    """Return a title as rows show it, to be gone on with where it was left."""
    place = places.get(title.title_id)
    part, position_s = (go_on(title, place) if place is not None else None) or (next(iter(title.parts), None), None)
    return HomeItem(
        title=title.card,
        synopsis=synopsis,
        playable_id=part.playable_id if part is not None else None,
        label=f"S{part.season} E{part.episode}" if part is not None and part.season is not None else None,
        position_s=position_s,
        duration_s=part.duration_s if part is not None else None,
        reason=reason,
    )


def go_on(title: Known, place: WatchedTitle) -> tuple[Part, float | None] | None:
    """Return what to watch after a place, and from where: the same, left half-way, or the episode after one that was finished."""
    at = next((number for number, part in enumerate(title.parts) if part.playable_id == place.playable_id), None)
    if at is None:
        return None
    if not place.finished:
        return title.parts[at], place.position_s
    return (title.parts[at + 1], None) if at + 1 < len(title.parts) else None


def hero(stock: Stock, watched: Collection[str], profile_id: str, now_s: float, barred: Collection[str] = ()) -> Known | None:
    """Return one of the newest titles that fill a screen, none barred, the same all day; rather one that the profile has not watched."""
    unwatched = (title for title in stock.playable if title.title_id not in watched and title.title_id not in barred)
    all_of = (title for title in stock.playable if title.title_id not in barred)
    fresh = list(islice(_pictured(unwatched), HERO_AMONG)) or list(islice(_pictured(all_of), HERO_AMONG))
    if not fresh:
        return None
    digest = hashlib.blake2b(f"{profile_id}\0{int(now_s // DAY_S)}".encode(), digest_size=8).digest()
    return fresh[int.from_bytes(digest) % len(fresh)]


# --- rows of what others say


def continue_row(stock: Stock, sources: Sources) -> HomeRow:
    """Return what was left half-way, and the episodes that follow on finished ones."""
    found = []
    for title_id, place in sources.places.items():
        title = stock.by_id.get(title_id)
        if title is not None and go_on(title, place) is not None:
            found.append(item(title, sources.places))
    return _personal("continue", "Continue watching", found, failed=sources.watched is None)


def list_row(stock: Stock, sources: Sources) -> HomeRow:
    """Return what the profile has put on its list."""
    titles = [stock.by_id[title_id] for title_id in sources.listed or () if title_id in stock.by_id]
    return _personal("list", "My list", [item(title, sources.places) for title in titles], failed=sources.listed is None)


# --- rows that share the titles out


def top_row(stock: Stock, sources: Sources, picks: Picks) -> HomeRow:
    """Return what models pick: at most a third of all there are, and no fewer than ROW_LEAST."""
    found = [stock.by_id[title_id] for title_id in picks.title_ids if title_id in stock.by_id][: min(ROW_LIMIT, len(stock.playable) // 3)]
    items = [item(title, sources.places, reason=_like(stock, picks.because.get(title.title_id))) for title in found]
    items = items if len(items) >= ROW_LEAST else []
    return _modelled("top-picks", "top-picks", "Top picks", items, picks.model_version, fallback=picks.fallback != "none")


def because_rows(stock: Stock, sources: Sources, now_s: float, used: Collection[str] = (), picks: Picks = NO_PICKS) -> list[HomeRow]:
    """Return rows of what is like that which was watched last: at most a third of all there are that are not used."""
    places, seen, taken, rows = sources.places, sources.seen(), set(used), list[HomeRow]()
    left = (len(stock.playable) - len(taken)) // 3
    alike = picks.alike or (lambda title: similar(stock, title))
    for title_id in sources.begun(now_s):
        title = stock.by_id.get(title_id)
        if len(rows) == BECAUSE_ROWS or left < ROW_LEAST:
            break
        if title is None or title_id in sources.disliked:
            continue
        found = list(
            islice((each for each in alike(title) if each.title_id not in taken and not seen(each.title_id)), min(ROW_LIMIT, left))
        )
        if len(found) < ROW_LEAST:
            continue
        items = [item(each, places, reason=shared(title, each)) for each in found]
        version = picks.model_version if picks.alike is not None else None
        label = f"Because you watched {title.card.name}"
        rows.append(_modelled(f"because-{title_id}", "because", label, items, version, fallback=version is None))
        taken |= {each.title_id for each in found}
        left -= len(found)
    return rows


def popular_row(stock: Stock, places: Mapping[str, WatchedTitle], taken: Collection[str], scores: Mapping[str, float]) -> HomeRow:
    """Return what everybody watches these days, of what this caller sees: at most a third of all there are, and no fewer than ROW_LEAST."""
    limit = min(ROW_LIMIT, stock.pool.without(set(taken)) // 3)
    found = list(islice((title for title in stock.most_watched(scores) if title.title_id not in taken), limit))
    return _ruled("popular", "popular", "Popular now", [item(title, places) for title in found] if len(found) >= ROW_LEAST else [])


def new_row(stock: Stock, places: Mapping[str, WatchedTitle], taken: Collection[str]) -> HomeRow:
    """Return the newest titles: of few all, of many a third, so that the genres keep some."""
    limit = min(ROW_LIMIT, max(NEW_LEAST, stock.pool.without(set(taken)) // 3))
    free = islice((title for title in stock.playable if title.title_id not in taken), limit)
    return _ruled("new", "new", "New", [item(title, places) for title in free])


def genre_rows(stock: Stock, sources: Sources, taken: Collection[str]) -> list[HomeRow]:
    """Return rows of genres, those first that the profile watches and lists most, then the largest; what it has watched stands last."""
    places, used, rows = sources.places, set(taken), list[HomeRow]()
    liking = liked_genres(stock, sources)
    sizes = stock.genres
    for genre in sorted(sizes, key=lambda genre: (-liking[genre], -sizes[genre], genre)):
        free = _unwatched_first((title for title in stock.of_genre(genre) if title.title_id not in used), places, ROW_LIMIT)
        if len(free) < ROW_LEAST:
            continue
        used |= {title.title_id for title in free}
        rows.append(_ruled(f"genre-{genre}", "genre", stock.spelled[genre], [item(title, places) for title in free]))
        if len(rows) == GENRE_ROWS:
            break
    return rows


def _unwatched_first(titles: Iterable[Known], watched: Collection[str], limit: int) -> list[Known]:
    first, last = list[Known](), list[Known]()
    for title in titles:
        (last if title.title_id in watched else first).append(title)
        if len(first) == limit:
            break
    return [*first, *last][:limit]


def liked_genres(stock: Stock, sources: Sources) -> Counter[str]:
    """Return how much each genre was watched, listed and liked."""
    liking: Counter[str] = Counter()
    for weight, title_ids in ((WATCHED_WEIGHT, sources.places), (1, sources.liked)):
        for title_id in title_ids:
            if (title := stock.by_id.get(title_id)) is not None:
                liking.update(dict.fromkeys(title.genres, weight))
    return liking


# --- what is alike


def similar(stock: Stock, title: Known) -> list[Known]:
    """Return the titles that share people or genres with one, at most ALIKE_LIMIT, the most alike first, then the newest."""
    return [other for _, other in likenesses(stock, title)]


def likenesses(stock: Stock, title: Known) -> list[tuple[float, Known]]:
    """Return how much each of those is alike, in the same order."""
    groups = sorted(((_likeness(shared), shared.places) for shared in stock.sharing(title)), key=lambda each: -each[0])
    found: list[tuple[float, Known]] = []
    for value, alike in groupby(groups, key=itemgetter(0)):
        places = sorted(chain.from_iterable(places for _, places in alike))
        found += [(value, stock.playable[at]) for at in places[: ALIKE_LIMIT - len(found)]]
        if len(found) == ALIKE_LIMIT:
            break
    return found


def _likeness(shared: Shared) -> float:
    # The share of their genres that both have is Jaccard's.
    return PERSON_WEIGHT * shared.people + (shared.genres / shared.of_genres if shared.genres else 0.0)


def shared(one: Known, other: Known) -> str | None:
    """Return what two titles have in common, in words: whoever stands first in the cast, else a genre."""
    person = _first(name for folded, name in one.people.items() if folded in other.people)
    return f"With {person}" if person is not None else _first(name for folded, name in one.genres.items() if folded in other.genres)


def _personal(kind: RowKind, label: str, items: list[HomeItem], *, failed: bool) -> HomeRow:
    return HomeRow(row_id=kind, kind=kind, label=label, items=items[:ROW_LIMIT], model_version=None, fallback=False, failed=failed)


def _ruled(row_id: str, kind: RowKind, label: str, items: list[HomeItem]) -> HomeRow:
    # A model would choose these.
    return _modelled(row_id, kind, label, items, None, fallback=True)


def _modelled(row_id: str, kind: RowKind, label: str, items: list[HomeItem], model_version: str | None, *, fallback: bool) -> HomeRow:
    return HomeRow(row_id=row_id, kind=kind, label=label, items=items, model_version=model_version, fallback=fallback, failed=False)


def _like(stock: Stock, title_id: str | None) -> str | None:
    # Only of what this caller sees: a name may be over its cap by now.
    title = stock.by_id.get(title_id) if title_id is not None else None
    return f"Like {title.card.name}" if title is not None else None


def _pictured(titles: Iterable[Known]) -> Iterator[Known]:
    return (title for title in titles if title.card.artwork.backdrop)


def _first(names: Iterable[str]) -> str | None:
    return next(iter(names), None)


def _fresh(title: Known, now_s: float) -> bool:
    return now_s - title.added_at_s <= FRESH_S
