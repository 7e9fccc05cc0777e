"""Decides what playback may do, purely: who may watch, where to resume, what to continue, which edge first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from actors.sessions.stream import Place
from cluster.edge.registry import EdgeStatus
from cluster.errors import MaturityRefused, NotPlayable, PlayableNotFound
from cluster.security.claims import Claims
from serve_apps.catalog.schemas import Media, Playable

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
    if not playable.published and ("operator" not in claims.roles or claims.kids):
        raise PlayableNotFound
    if playable.maturity > (claims.maturity if claims.maturity is not None else -1):
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
    Trailers, and what was only looked into, say nothing.
    """
    latest: dict[str, Place] = {}
    for place in sorted(places, key=latest_first):
        if place.kind != "trailer" and (place.position_s >= BEGUN_S or is_finished(place)):
            latest.setdefault(place.title_id, place)
    return [place for place in latest.values() if not is_finished(place)]


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
