"""Reads reviews as Amazon and Steam data sets publish them: gzip, a review a line, of which user, item and time are kept.

Main path: `read_reviews` -> lines -> a parsed review each -> columns of text. Amazon's lines are JSON, Steam's are dicts as Python prints
them: they are parsed as literals and never run. What is broken is refused with file, line and column.
"""

from __future__ import annotations

import ast
import gzip
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from models.errors import FileRefused


class _Amazon(msgspec.Struct):
    reviewerID: str
    asin: str
    overall: float
    unixReviewTime: int


class _Steam(msgspec.Struct):
    username: str
    product_id: str
    date: str


def read_reviews(path: Path) -> pa.Table:
    """Return user, item, weight and timestamp: Steam's of `steam*.json.gz`, else Amazon's; Steam's have no weight.

    Raises:
        FileRefused: the file is missing, damaged, or a line is no review.
    """
    parsed: Callable[[bytes], tuple[str, ...]] = _steam if path.name.startswith("steam") else _amazon
    names = ("user", "item", "timestamp", "weight")
    rows: list[tuple[str, ...]] = []
    for number, line in enumerate(_lines(path), 1):
        try:
            rows.append(parsed(line))
        except (msgspec.DecodeError, ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            raise FileRefused(path, f"no review: {str(error).partition(chr(10))[0][:200]}", line=number) from error
    if not rows:
        raise FileRefused(path, "the file is empty")
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=False)})


def _amazon(line: bytes) -> tuple[str, ...]:
    review = msgspec.json.decode(line, type=_Amazon)
    return review.reviewerID, review.asin, str(review.unixReviewTime), str(review.overall)


def _steam(line: bytes) -> tuple[str, ...]:
    review = msgspec.convert(ast.literal_eval(line.decode().strip()), _Steam)
    day = datetime.strptime(review.date, "%Y-%m-%d").replace(tzinfo=UTC)
    return review.username, review.product_id, str(int(day.timestamp()))


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        detail = getattr(error, "strerror", None) or f"no sound gzip file: {error}"
        raise FileRefused(path, detail) from error
