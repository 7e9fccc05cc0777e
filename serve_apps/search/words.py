"""Words as search compares them: without case, accents and punctuation, a few letters wrong forgiven. Pure.

The index holds what `words` returns, and a query is asked for as what it returns: nothing that people type has a meaning of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

WORD_LIMIT: Final = 40
"""Letters of a word that count."""
ONE_TYPO_FROM: Final = 4
TWO_TYPOS_FROM: Final = 8
"""Short words have too many neighbours: `cat` is not `car`."""

_MARKS: Final = dict.fromkeys(range(0x300, 0x370))
_LETTERS: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h", "ı": "i", "ŋ": "ng", "&": " and "}
)
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'’ʼ‘`´"))
# Chinese and Japanese have no spaces: each of their signs is a word. Vowel signs of Indian and South-East Asian scripts are no \w.
_SIGNS: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_SIGNS}]|(?:(?![_{_SIGNS}])[\w\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff])+")


def folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower().replace("&", " and ")
    return unicodedata.normalize("NFKD", text).translate(_MARKS).casefold().translate(_LETTERS)


def words(text: str) -> list[str]:
    """Return the words of a text; of one that has nothing but signs, what stands between its spaces."""
    # Before folding, which takes some apart, and after it, which makes some.
    plain = folded(text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    found: list[str] = _WORD.findall(plain) or folded(text).split()
    return [word[:WORD_LIMIT] for word in found]


def typos(word: str) -> int:
    """Return how many letters of a word may be wrong."""
    return 0 if len(word) < ONE_TYPO_FROM else 1 if len(word) < TWO_TYPOS_FROM else 2


def distance(asked: str, word: str, *, begun: bool) -> int:
    """Return how many letters are to be put, dropped, changed or swapped with their neighbour to make one of the other.

    (Optimal string alignment.) `begun`: `asked` may go on: the distance to that beginning of `word` which is nearest.
    """
    before: list[int] = []
    row = list(range(len(word) + 1))
    for at, letter in enumerate(asked, 1):
        before, above, row = row, before, [at]
        for to, other in enumerate(word, 1):
            cost = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (letter != other))
            if at > 1 and to > 1 and letter == word[to - 2] and asked[at - 2] == other:
                cost = min(cost, above[to - 2] + 1)
            row.append(cost)
    return min(row) if begun else row[-1]


def means(asked: str, word: str, *, begun: bool) -> bool:
    """Decide whether somebody who asked so may have meant a word."""
    if asked == word or (begun and word.startswith(asked)):
        return True
    allowed = typos(asked)
    if allowed == 0 or len(word) < len(asked) - allowed or (not begun and len(word) > len(asked) + allowed):
        return False
    return distance(asked, word[: len(asked) + allowed], begun=begun) <= allowed


def grams(text: str) -> set[str]:
    """Return the runs of three letters of a text's words, their ends included: texts that share many look alike."""
    return set(_grams(text))


def _grams(text: str) -> Iterator[str]:
    for word in words(text):
        marked = f"^{word}$"
        yield from (marked[at : at + 3] for at in range(len(marked) - 2))


def likeness(one: set[str], other: set[str]) -> float:
    """Return the share of runs that two texts have in common (Dice)."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0
