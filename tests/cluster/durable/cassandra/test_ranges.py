"""How a whole table is gone through."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cluster.durable.cassandra.ranges import RANGES, Place


def test_the_ranges_cover_every_token_once() -> None:
    place: Place | None = Place()
    ranges = []
    while place is not None:
        ranges.append(place.tokens)
        place = place.following(None)
    assert len(ranges) == RANGES
    assert (ranges[0][0], ranges[-1][1]) == (-(1 << 63), (1 << 63) - 1)
    assert all(one[1] == two[0] for one, two in pairwise(ranges))


@given(number=st.integers(0, RANGES - 1), paging=st.none() | st.binary(min_size=1, max_size=200))
def test_a_place_is_found_again_by_its_text(number: int, paging: bytes | None) -> None:
    assert Place.of(str(Place(number, paging))) == Place(number, paging)


def test_a_page_that_ends_within_a_range_goes_on_there() -> None:
    assert Place(3, b"x").following(b"y") == Place(3, b"y")
    assert Place(RANGES - 1).following(b"y") == Place(RANGES - 1, b"y")
