from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.events import TOPICS, Event, decode, encode
from cluster.ids import new_id

json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.integers(0, 2**62), st.dictionaries(st.text(), json, max_size=4))
def test_an_event_is_read_back_as_it_was_written(key: str, version: int, value: dict[str, object]) -> None:
    event = Event("catalog", "title.changed", key, version, 1.5, value)
    assert decode(encode(event)) == event


def test_what_a_later_version_added_is_passed_over() -> None:
    later = b'{"topic":"catalog","kind":"k","key":"a","entity_version":1,"occurred_at_s":0,"value":{},"schema_version":2,"new":1}'
    assert decode(later).schema_version == 2


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"topic": 1}', b"\xff"])
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(raw)


def test_topics_have_names_of_their_own() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_ids_sort_by_their_creation() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [each[:12] for each in ids] == sorted(each[:12] for each in ids)
