"""Decides what playback may do, purely: who may watch, where to resume, what to continue or watch next, which edge first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from actors.sessions.stream import Place
from cluster.edge.registry import EdgeStatus
from cluster.errors import MaturityRefused, NotPlayable, PlayableNotFound
from cluster.security.claims import Claims
from serve_apps.catalog.schemas import Media, Playable, PlayableOutline, TitleOutline

FINISHED_SHARE: Final = 0.95
BEGUN_S: Final = 5.0
"""Less than this is not worth continuing."""


def require_playable(playable: Playable, claims: Claims) -> Media:
    """Return the media that this profile may watch.

    Raises:
        PlayableNotFound: it isn't published, and the caller is no operator, or in a kids profile: drafts are not told of.
        MaturityRefused: it is above what the profile may see.
        NotPlayable: no version of it is finished.
    """
    if not (playable.published or _sees_drafts(claims)):
        raise PlayableNotFound
    if playable.maturity > _cap(claims):
        raise MaturityRefused
    if playable.media is None:
        raise NotPlayable("No version of it is finished yet")
    return playable.media


def is_finished(place: Place) -> bool:
    """Return whether it was watched to its end: into the credits, or all but a twentieth."""
    end_s = place.duration_s * FINISHED_SHARE
    if place.credits_s is not None and 0 < place.credits_s < end_s:
        end_s = place.credits_s
    return place.position_s >= end_s


def resume_at_s(place: Place | None, duration_s: float) -> float:
    """Return where to begin: at the place, or at the start of what was finished or is shorter now."""
    if place is None or is_finished(place) or place.position_s >= duration_s * FINISHED_SHARE:
        return 0.0
    return place.position_s


def to_continue(places: Iterable[Place]) -> list[Place]:
    """Return the places to go on from, the latest first, one a title.

    The latest place of a title speaks for it: an older episode that was left half-way does not come back once a later one is finished.
    """
    return [place for place in latest_of_titles(places) if not is_finished(place)]


def latest_of_titles(places: Iterable[Place]) -> list[Place]:
    """Return the latest place of each title, finished or not, the latest first; trailers, and what was only looked into, say nothing."""
    latest: dict[str, Place] = {}
    for place in sorted(filter(speaks, places), key=latest_first):
        latest.setdefault(place.title_id, place)
    return list(latest.values())


def speaks(place: Place) -> bool:
    """Return whether a place says how far its title was watched: neither trailers nor what was only looked into do."""
    return place.kind != "trailer" and (place.position_s >= BEGUN_S or is_finished(place))


Reason = Literal["start", "resume", "next", "again"]


class Next(msgspec.Struct, frozen=True):
    """What of a title to watch now, and from where."""

    playable: PlayableOutline
    position_s: float
    duration_s: float
    reason: Reason


def next_to_watch(title: TitleOutline, places: Iterable[Place], claims: Claims) -> Next:
    """Return what of a title a profile watches next.

    What was watched last speaks for it: left half-way, it is resumed; finished, or withheld since, the first after it that can be played
    is next, at the place that the profile has there. After the last one, and where nothing was watched, it begins with the first episode
    that is no special (season 0).

    Raises:
        PlayableNotFound: nothing of it can be played by this profile, or it is not told of the title.
    """
    episodes = [each for each in title.playables if each.kind != "trailer"]
    playable = {each.playable_id: each.duration_s for each in episodes if each.duration_s is not None and _may_watch(title, each, claims)}
    if not playable:
        raise PlayableNotFound("Nothing of this title can be played")

    def at(each: PlayableOutline, reason: Reason, place: Place | None = None) -> Next:
        duration_s = playable[each.playable_id]
        return Next(each, resume_at_s(place, duration_s), duration_s, reason)

    order = {each.playable_id: number for number, each in enumerate(episodes)}
    left = {place.playable_id: place for place in places if place.playable_id in order and speaks(place)}
    can = [each for each in episodes if each.playable_id in playable]
    first = next((each for each in can if each.season != 0), can[0])
    if not left:
        return at(first, "start")
    last = min(left.values(), key=latest_first)
    here = episodes[order[last.playable_id]]
    if here in can and resume_at_s(last, playable[here.playable_id]) > 0:
        return at(here, "resume", last)
    for each in can:
        if order[each.playable_id] > order[here.playable_id]:
            return at(each, "next", left.get(each.playable_id))
    return at(first, "again")


def _may_watch(title: TitleOutline, playable: PlayableOutline, claims: Claims) -> bool:
    return title.maturity <= _cap(claims) and (playable.published or _sees_drafts(claims))


def _sees_drafts(claims: Claims) -> bool:
    return "operator" in claims.roles and not claims.kids


def _cap(claims: Claims) -> int:
    # A profile's token without a cap would be a mistake of auth's: it may watch nothing.
    return claims.maturity if claims.maturity is not None else -1


def latest_first(place: Place) -> tuple[float, str]:
    """Sort key: the latest updated first."""
    return -place.updated_at_s, place.playable_id


def ranked(edges: Sequence[EdgeStatus], playable_id: str) -> list[EdgeStatus]:
    """Return the edges in a playable's own order (rendezvous hashing, Thaler and Ravishankar 1998), so that few edges hold each title."""

    def weight(edge: EdgeStatus) -> bytes:
        return hashlib.blake2b(f"{edge.edge_id}\0{playable_id}".encode(), digest_size=8).digest()

    return sorted(edges, key=weight, reverse=True)


def sees(claims: Claims, maturity: int, profile_id: str) -> bool:
    """Return whether this profile may be told what another stream of the account plays."""
    return profile_id == claims.profile_id or (claims.maturity is not None and maturity <= claims.maturity)
