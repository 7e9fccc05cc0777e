"""What a title's contents are as numbers: sparse, without a vocabulary, the same in every process and release. NumPy alone.

Main path: `Content.of` -> words of its fields -> a bucket and a sign each by hashing (Weinberger et al. 2009) -> `Features`.
Replicas and trainings must make the same of a title: what changes here changes `VERSION`, and weights of another are not used.
Shapes: N words of a title · F buckets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION: Final = 1
BUCKETS: Final = 4096
FIELD_WEIGHTS: Final = {"genre": 1.0, "person": 1.0, "word": 0.7, "kind": 0.5, "decade": 0.5, "maturity": 0.5}
"""How long each field's part is, however many words it has."""
WORDS_LIMIT: Final = 400
_WORD: Final = re.compile(r"\w{3,}")


class Content(NamedTuple):
    """What is said of a title, in words by field."""

    words: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(
        cls, *, kind: str, genres: Iterable[str], people: Iterable[str], year: int | None, maturity: int, name: str, synopsis: str
    ) -> Content:
        """Return a title's content; neither case nor order counts, nor what is said twice."""
        text = dict.fromkeys(_WORD.findall(f"{name} {synopsis}".casefold()))
        fields = {
            "genre": {genre.casefold() for genre in genres},
            "person": {person.casefold() for person in people},
            "word": set(list(text)[:WORDS_LIMIT]),
            "kind": {kind},
            "decade": {str(year // 10)} if year is not None else set[str](),
            "maturity": {str(maturity)},
        }
        return cls(tuple((field, tuple(sorted(words))) for field, words in fields.items() if words))


class Features(NamedTuple):
    """A title's sparse vector; a bucket may stand twice."""

    bucket_N: NDArray[np.int64]
    value_N: NDArray[np.float32]


def features(content: Content) -> Features:
    """Return a content's features; each field's are of the length that FIELD_WEIGHTS say."""
    buckets, values = list[int](), list[float]()
    for field, words in content.words:
        weight = FIELD_WEIGHTS[field] / len(words) ** 0.5
        for bucket, sign in _hashed(field, words):
            buckets.append(bucket)
            values.append(sign * weight)
    return Features(np.array(buckets, dtype=np.int64), np.array(values, dtype=np.float32))


def _hashed(field: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    for word in words:
        number = int.from_bytes(hashlib.blake2b(f"{field}\0{word}".encode(), digest_size=8).digest())
        yield (number >> 1) % BUCKETS, 1 if number & 1 else -1
