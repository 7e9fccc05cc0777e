"""A page as it is written is the page that was made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.recommendations import encoded_pages, policy
from serve_apps.recommendations.encoded_pages import EncodedPages
from serve_apps.recommendations.exploration import explored
from serve_apps.recommendations.stock import Stock
from tests.serve_apps.recommendations.test_policy import NOBODY, page, sources, stock
from tests.serve_apps.recommendations.titles import NOW_S, catalogues, film

PAGES = EncodedPages()


@given(st.data())
def test_it_is_what_its_schema_says(data: Any) -> None:
    titles = data.draw(catalogues())
    found, given_sources = Stock(titles), data.draw(sources(titles))
    made = explored(page(found, given_sources), found, given_sources, "p", NOW_S, 0.05)
    assert json.loads(PAGES.encode(made)) == made.model_dump(mode="json")


def test_a_card_that_was_changed_is_written_anew() -> None:
    for name in ("Before", "After"):
        written = json.loads(PAGES.encode(page(stock(film("f1", name=name)))))
        assert {item["title"]["name"] for row in written["rows"] for item in row["items"]} == {name}


def test_many_more_titles_than_are_remembered_are_written_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_pages, "CARDS_LIMIT", 5)
    titles, pages = stock(*(film(f"f{number}", genres=["drama"]) for number in range(60))), EncodedPages()
    for profile in ("p", "q"):
        made = policy.home(titles, NOBODY, profile, NOW_S)
        assert json.loads(pages.encode(made)) == made.model_dump(mode="json")
        assert len(pages._cards) <= 5
