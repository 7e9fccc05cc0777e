"""The demo's audience: a few hundred members who exist in the log alone, and what they watched in the days before today.

Main path: `facts` -> a population of known tastes plays the programme (models/generate.py) -> sessions, as the shards would tell of them
(actors/sessions/draft.py) -> batches for the log. Pure: the same titles and days give the same facts, which count once however often
they are appended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from actors.sessions.draft import Draft
from actors.sessions.rows import Account
from actors.sessions.stream import Ending, Pulse, Start
from cluster.events import Event
from models.data import Floats
from models.generate import BEGINS_S, DAY_S, Population, PopulationParameters

MEMBERS: Final = 500
FEWEST_TITLES: Final = 8
"""Of fewer nobody could have watched some and be recommended others."""
DAYS: Final = 6
"""With today these are the days that count for what is popular."""
FOLLOWS: Final = 0.05
TASTE: Final = 3.0
"""Of so few titles taste decides more than what leads from one to the next, so that a page shows whose it is."""
SEED: Final = 7


class Watchable(msgspec.Struct, frozen=True):
    """A title and what plays of it: the film, or a series' first episode."""

    title_id: str
    playable_id: str
    name: str
    kind: str
    maturity: int
    genres: tuple[str, ...]
    duration_s: float


def begins_s(now_s: float) -> float:
    """Return when the audience began to watch, if it is to have watched until last night (UTC, as everybody lives there)."""
    return (now_s // DAY_S - DAYS) * DAY_S


def facts(titles: Sequence[Watchable], from_s: float, members: int = MEMBERS) -> Iterator[list[Event]]:
    """Yield the facts of one member after another, in the order of their account; `from_s` is a midnight."""
    genres = _genres(titles)
    parameters = PopulationParameters(
        members,
        len(titles),
        genres.shape[1],
        fewest_views=4,
        most_views=len(titles) // 2,
        days=DAYS,
        follows=FOLLOWS,
        taste=TASTE,
        seed=SEED,
    )
    played = Population(parameters, genres).interactions().histories
    watched = np.random.default_rng(SEED).choice([0.1, 0.4, 1.0], size=len(played.item_N), p=[0.15, 0.15, 0.7])
    begun_s = played.time_s_N + (from_s - BEGINS_S)
    for member in range(members):
        views = range(played.start_S[member], played.start_S[member + 1])
        plays = [(titles[played.item_N[view]], float(begun_s[view]), float(watched[view])) for view in views]
        yield list(_member(_id("account", member), _id("profile", member), plays))


def _member(account_id: str, profile_id: str, plays: Sequence[tuple[Watchable, float, float]]) -> Iterator[Event]:
    account = Account(account_id)
    next_s = [*(begun_s for _, begun_s, _ in plays[1:]), float("inf")]
    for number, ((title, begun_s, share), before_s) in enumerate(zip(plays, next_s, strict=True)):
        start = Start(
            session_id=_id("session", account_id, number),
            account_id=account_id,
            device_id=_id("device", account_id),
            profile_id=profile_id,
            playable_id=title.playable_id,
            title_id=title.title_id,
            kind=title.kind,
            name=title.name,
            maturity=title.maturity,
            duration_s=title.duration_s,
            credits_s=None,
            position_s=0.0,
            limit=1,
            paths_expire_at_s=begun_s,
        )
        begin = Draft(account, {}, 0, begun_s)
        begin.begin(start)
        begun = begin.decision()
        # Nobody watches two films at once: the next one ends this one.
        ended_s = min(begun_s + share * title.duration_s, before_s)
        pulse = Pulse(start.session_id, 1, ended_s, ended_s - begun_s)
        end = Draft(begun.account, {start.session_id: pulse}, 0, ended_s)
        [stream] = [held.stream for held in begun.account.streams.values()]
        end.end(stream, Ending.STOPPED)
        ended = end.decision()
        yield from (*begun.events, *ended.events)
        account = ended.account


def _genres(titles: Sequence[Watchable]) -> Floats:
    """Return titles by genres: 1 where a title has one."""
    names = sorted({genre for title in titles for genre in title.genres})
    return np.array([[genre in title.genres for genre in names] for title in titles], dtype=np.float32)


def _id(*of: object) -> str:
    return hashlib.blake2b(repr(("the demo's audience", *of)).encode(), digest_size=16).hexdigest()
