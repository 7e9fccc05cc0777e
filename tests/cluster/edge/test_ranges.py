"""Ranges as RFC 9110 has them, one at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.edge.ranges import asked_range
from cluster.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=5-9", (5, 10)),
        ("bytes=5-", (5, 100)),
        ("bytes=0-99", (0, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("Bytes = 1-2", (1, 3)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=1-2,5-6", None),
        ("chapters=1-2", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 100 + "-", None),
        ("", None),
    ],
)
def test_a_range_is_the_first_byte_and_the_one_after_the_last(header: str | None, expected: tuple[int, int] | None) -> None:
    assert asked_range(header, None, '"tag"', 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=999999999999999-", "bytes=-0"])
def test_a_range_past_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as error:
        asked_range(header, None, '"tag"', 100)
    assert error.value.fields == {"size_bytes": 100}


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        asked_range("bytes=0-", None, '"tag"', 0)


@pytest.mark.parametrize(
    ("if_range", "kept"), [('"tag"', True), ('"other"', False), ('W/"tag"', False), ("Sun, 22 Nov 2026 00:00:00 GMT", False)]
)
def test_if_range_of_another_file_gets_the_whole_file(if_range: str, kept: bool) -> None:
    assert asked_range("bytes=1-2", if_range, '"tag"', 100) == ((1, 3) if kept else None)


@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True), st.integers(0, 2000))
def test_every_range_lies_in_the_file(header: str, size_bytes: int) -> None:
    try:
        found = asked_range(header, None, '"tag"', size_bytes)
    except RangeNotSatisfiable:
        return
    if found:
        assert 0 <= found[0] < found[1] <= size_bytes
