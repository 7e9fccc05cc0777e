"""Shows in a few places of a page what nobody chose, and says of every place how likely it was to show what it shows. Pure.

Main path: a page that is made -> `explored` -> `slots` of each row that may -> the page, with propensities. Without these places logs
would tell nothing of what was never ranked high (models/off_policy.py judges by them), nor of what rows would be worth elsewhere on the
page (models/value.py). Refuses to know why titles stand where they do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from serve_apps.recommendations.policy import DAY_S, item
from serve_apps.recommendations.schemas import Home, HomeRow
from serve_apps.recommendations.sources import Sources
from serve_apps.recommendations.stock import Pool, Stock

EXPLORED: Final = frozenset({"top-picks", "genre"})
"""Other rows say what is in them: what was begun, is new, is popular, or is like something."""
MOVED: Final = frozenset({"top-picks", "new", "popular", "because", "genre"})
"""The rows that change places with each other; nobody has to look for what is his own."""
TRIES: Final = 64
"""How often a free title is drawn for by chance, before the free ones are counted out."""


class Slot(NamedTuple):
    """What one place of a row shows."""

    title_id: str
    propensity: float
    """How likely this place was to show this title, whatever the others show."""


def explored(page: Home, stock: Stock, sources: Sources, profile_id: str, now_s: float, rate: float) -> Home:
    """Return the page with about `rate` of its places drawn anew, the same all day for a profile; at rate 0 it is the same page.

    On about `rate` of its days a profile also finds the rows that are nobody's own in an order by chance.

    What is drawn is seen by the caller, fits its row, was neither begun nor disliked by the profile, and stands nowhere else on the page.
    Items that stay are the page's own, and told how likely they were: to copy some three hundred took as long as to write them all.
    """
    if rate <= 0:
        return page
    places, state = sources.places, sources.state
    barred = {shown.title.title_id for row in page.rows for shown in row.items} | places.keys() | sources.disliked
    barred |= {stock.by_digest[digest] for digest in (state.digests if state is not None else ()) if digest in stock.by_digest}
    rows = []
    for row in page.rows:
        if row.kind not in EXPLORED:
            rows.append(row)
            continue
        seed = f"{profile_id}\0{int(now_s // DAY_S)}\0{row.row_id}"
        found = slots([shown.title.title_id for shown in row.items], _pool(row, stock), barred, rate, seed)
        # A row is made when those above it are: what they show is no longer free.
        barred |= {slot.title_id for slot in found}
        items = []
        for shown, slot in zip(row.items, found, strict=True):
            items.append(shown if shown.title.title_id == slot.title_id else item(stock.by_id[slot.title_id], places))
            items[-1].propensity = slot.propensity
        rows.append(row.model_copy(update={"items": items}))
    return page.model_copy(update={"rows": moved(rows, f"{profile_id}\0{int(now_s // DAY_S)}", rate)})


def moved(rows: Sequence[HomeRow], seed: str, rate: float) -> list[HomeRow]:
    """Return the rows or, at this rate of seeds, with those that may move in any order as likely as any other."""
    if _unit(f"{seed}\0order") >= rate:
        return list(rows)
    drawn = iter(sorted((row for row in rows if row.kind in MOVED), key=lambda row: _unit(f"{seed}\0order\0{row.row_id}")))
    return [next(drawn) if row.kind in MOVED else row for row in rows]


def slots(ranked: Sequence[str], pool: Pool, barred: AbstractSet[str], rate: float, seed: str) -> list[Slot]:
    """Return what each place of a row shows: what was ranked there or, at this rate, one of the pool that is neither ranked nor barred.

    Each place decides alone, and draws evenly from the candidates that no place before it has taken; so whatever the others do, each of m
    candidates is as likely as any, rate / m, and what was ranked there 1 - rate. Of fewer candidates than places only so many of the first
    places may draw, for which there is always one left. A place keeps what it drew while the pool stays and nothing drawn is barred.
    """
    taken = barred | frozenset(ranked)
    drawing = [_unit(f"{seed}\0{place}") < rate for place in range(len(ranked))]
    candidates = pool.without(taken)
    found = []
    for place, title_id in enumerate(ranked):
        if rate <= 0 or place >= candidates:
            found.append(Slot(title_id, 1.0))
        elif drawing[place]:
            drawn = _drawn(pool.title_ids, taken, f"{seed}\0{place}")
            taken |= {drawn}
            found.append(Slot(drawn, rate / candidates))
        else:
            found.append(Slot(title_id, 1.0 - rate))
    return found


def _drawn(pool: Sequence[str], taken: AbstractSet[str], seed: str) -> str:
    # By a place in the whole pool, not among the free: a title that is no longer free changes nothing for who drew another one.
    for tried in range(TRIES):
        found = pool[int(_unit(f"{seed}\0{tried}") * len(pool))]
        if found not in taken:
            return found
    free = [title_id for title_id in pool if title_id not in taken]
    return free[int(_unit(f"{seed}\0{TRIES}") * len(free))]


def _pool(row: HomeRow, stock: Stock) -> Pool:
    return stock.pool_of_genre(row.row_id.removeprefix("genre-")) if row.kind == "genre" else stock.pool


def _unit(seed: str) -> float:
    # 53 bits: all that a float below 1 holds.
    return (int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest()) >> 11) / 2**53
