from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import InvalidInput
from serve_apps.studio import tus

KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20).filter(lambda key: key != "filename")


@given(st.dictionaries(KEYS, st.text(max_size=40), max_size=8))
def test_metadata_comes_back_as_it_was_sent(pairs: dict[str, str]) -> None:
    assert tus.parse_metadata(tus.format_metadata(pairs)) == pairs


@given(st.text(max_size=5000))
def test_any_header_is_read_or_refused(header: str) -> None:
    try:
        pairs = tus.parse_metadata(header)
    except InvalidInput:
        return
    assert 0 < len(pairs.get("filename", "x")) <= tus.FILENAME_LENGTH


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, "\x00"])
def test_a_filename_that_is_none_is_refused(name: str) -> None:
    import base64

    header = f"filename {base64.b64encode(name.encode()).decode()}"
    with pytest.raises(InvalidInput, match="filename"):
        tus.parse_metadata(header)


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        tus.parse_metadata("a YQ==,a Yg==")
