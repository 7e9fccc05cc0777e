"""The catalogue's decisions: who sees what, what ids mean, which version an edit is made from. Pure."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from cluster.errors import PlayableNotFound, PreconditionFailed, ProfileRequired, TitleNotFound
from cluster.security.claims import Claims

TITLE_ID: Final = re.compile(r"[0-9a-f]{32}")
_PLAYABLE_ID: Final = re.compile(r"([0-9a-f]{32})(?:-s([0-9]{2,3})e([0-9]{2,4})|-t([0-9]{2}))?")


# --- who sees what


class Sight(msgspec.Struct, frozen=True):
    """What a caller sees: titles up to `cap`, and drafts or not."""

    cap: int
    drafts: bool

    def shows(self, maturity: int, published: bool) -> bool:
        """Decide whether this caller sees such a title."""
        return maturity <= self.cap and (published or self.drafts)


def sight(claims: Claims) -> Sight:
    """Return what a token's bearer sees: a chosen profile's cap always holds, drafts are for operators outside a kids profile.

    Raises:
        ProfileRequired: a member who has not chosen a profile.
    """
    operator = "operator" in claims.roles
    if claims.profile_id is None:
        if not operator:
            raise ProfileRequired
        return Sight(18, drafts=True)
    # A profile token without a cap would be a mistake of auth's: it sees what everybody may.
    return Sight(claims.maturity if claims.maturity is not None else 0, drafts=operator and not claims.kids)


# --- identifiers


class Place(msgspec.Struct, frozen=True):
    """Where a playable stands; neither episode nor trailer: it is the film itself."""

    title_id: str
    season: int | None = None
    episode: int | None = None
    trailer: int | None = None

    @property
    def playable_id(self) -> str:
        """The id that clients take as opaque: it leads to its title without a look-up."""
        if self.trailer is not None:
            return f"{self.title_id}-t{self.trailer:02d}"
        return self.title_id if self.season is None else f"{self.title_id}-s{self.season:02d}e{self.episode:02d}"


def place_of(playable_id: str) -> Place:
    """Return where a playable stands.

    Raises:
        PlayableNotFound: no playable has an id like this.
    """
    found = _PLAYABLE_ID.fullmatch(playable_id)
    if found is None:
        raise PlayableNotFound
    title_id, season, episode, trailer = found.groups()
    place = Place(
        title_id,
        int(season) if season is not None else None,
        int(episode) if episode is not None else None,
        int(trailer) if trailer is not None else None,
    )
    if place.playable_id != playable_id:
        raise PlayableNotFound
    return place


def require_title_id(title_id: str) -> None:
    """Raise TitleNotFound for what cannot be a title's id."""
    if TITLE_ID.fullmatch(title_id) is None:
        raise TitleNotFound


# --- versions


class Condition(msgspec.Struct, frozen=True):
    """What If-Match and If-None-Match ask of a title; `versions` None: any."""

    versions: frozenset[int] | None = None
    absent: bool = False
    """If-None-Match: * (the part to be written must not exist yet)."""

    def require(self, version: int) -> None:
        """Raise PreconditionFailed if the title's version is none of those."""
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailed(etag=etag(version))


ANY: Final = Condition()


def etag(version: int) -> str:
    """Return the ETag of a title's version."""
    return f'"{version}"'
