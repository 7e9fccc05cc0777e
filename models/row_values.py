"""What a row of a page is worth to a profile: how likely a play begins there. Knows neither torch nor numpy: pages are ordered by it.

Main path: `RowValues`, learned by models/value.py and kept in a bundle -> `of` a row. Refuses to know what stands in the row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("continue", "list", "top-picks", "new", "popular", "because", "genre")
"""What rows are told apart by; a row's id is its kind, or begins with it and a dash."""
GROUPS: Final = 3
IN_SIGHT: Final = 6
"""So many cards of a row are in sight at once, and count; further ones ask somebody to scroll."""
_SOME, _MANY = 1, 5


def kind_of(row_id: str) -> str | None:
    """Return a row's kind; None: rows of this id are not known here."""
    return next((kind for kind in KINDS if row_id == kind or row_id.startswith(f"{kind}-")), None)


def group_of(titles_watched: int) -> int:
    """Return which profiles are taken together, from 0: those that watched nothing, little, or more."""
    return (titles_watched >= _SOME) + (titles_watched >= _MANY)


@dataclass(frozen=True)
class RowValues:
    """How likely a card that is in sight is played, as log odds."""

    first_card: dict[str, tuple[float, float, float]]
    """Of a row's first card, by the row's kind and the profile's group."""
    per_place: float
    """What log2(1 + place) of a card adds."""

    def of(self, kind: str, cards: int, titles_watched: int) -> float:
        """Return how likely a play begins at one of the cards that are in sight, 0 to 1; 0 for a kind that is not known."""
        if kind not in self.first_card:
            return 0.0
        first, none = self.first_card[kind][group_of(titles_watched)], 1.0
        for place in range(min(cards, IN_SIGHT)):
            none *= 1 - chance(first + self.per_place * math.log2(1 + place))
        return 1 - none


def chance(log_odds: float) -> float:
    """Return the chance of log odds, however large they are."""
    return 0.5 * (1 + math.tanh(log_odds / 2))
