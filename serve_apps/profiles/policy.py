"""Who may do what with profiles: pure decisions."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.errors import Forbidden, LastProfile, TooManyProfiles
from cluster.security.claims import Claims
from serve_apps.profiles.schemas import CaptionSize, CaptionStyle, PlayerChange

PROFILES_LIMIT: Final = 5
KIDS_MATURITY: Final = 12
ENTRIES_LIMIT: Final = 1000
"""Titles on a list, and ratings, of one profile."""
PIN_TRIES: Final = 5
PIN_WINDOW_S: Final = 900.0

_FORGETTABLE: Final = frozenset({"audio_language", "subtitle_language"})


class StoredProfile(msgspec.Struct, frozen=True):
    """A profile's row; fields are only ever added, with a default."""

    name: str
    kids: bool
    maturity: int
    language: str
    avatar: str
    created_at_s: float
    pin_hash: str | None = None
    audio_language: str | None = None
    subtitle_language: str | None = None
    caption_size: CaptionSize = "medium"
    caption_style: CaptionStyle = "box"
    autoplay_next: bool = True
    watch_languages: tuple[str, ...] = ()

    @property
    def cap(self) -> int:
        """The highest maturity that the profile sees."""
        return capped(self.maturity, kids=self.kids)


def capped(maturity: int, *, kids: bool) -> int:
    """Return the maturity that a profile gets: a kids profile's ends at 12."""
    return min(maturity, KIDS_MATURITY) if kids else maturity


def require_manager(claims: Claims) -> None:
    """Refuse a kids profile what changes the account's profiles.

    Raises:
        Forbidden: the caller is in a kids profile.
    """
    if claims.kids:
        raise Forbidden("A kids profile cannot change profiles")


def needs_pin(stored: StoredProfile, profile_id: str, claims: Claims) -> bool:
    """Say whether changing a profile takes its PIN: whoever is in it has shown that already."""
    return stored.pin_hash is not None and claims.profile_id != profile_id


def fields_of(change: PlayerChange) -> dict[str, Any]:
    """Return what a change writes into a profile: what was sent, null only where null means something."""
    sent = change.model_dump(exclude_unset=True, exclude={"pin", "current_pin"})
    return {name: value for name, value in sent.items() if value is not None or name in _FORGETTABLE}


def count_after(count: int, change: int) -> int:
    """Return how many profiles there are after one more (1) or one less (-1).

    Raises:
        TooManyProfiles: the account has as many as it may.
        LastProfile: an account keeps one.
    """
    if count + change > PROFILES_LIMIT:
        raise TooManyProfiles(f"An account has at most {PROFILES_LIMIT} profiles", limit=PROFILES_LIMIT)
    if count + change < 1:
        raise LastProfile
    return count + change
