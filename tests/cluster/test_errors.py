from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import errors
from cluster.errors import MatineeError


def every_error() -> list[type[MatineeError]]:
    found, waiting = list[type[MatineeError]](), [MatineeError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting.extend(kind.__subclasses__())
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", every_error())
def test_an_error_survives_pickling_with_its_fields(kind: type[MatineeError]) -> None:
    back = pickle.loads(pickle.dumps(kind("why", limit=2, streams=["a"])))
    assert (type(back), str(back), back.fields) == (kind, "why", {"limit": 2, "streams": ["a"]})


def test_slugs_are_told_apart() -> None:
    slugs = [kind.slug for kind in every_error()]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("kind", every_error())
def test_the_tree_at_the_top_names_every_error(kind: type[MatineeError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@given(st.text(), st.dictionaries(st.text(min_size=1).filter(lambda name: name not in {"detail", "self"}), st.integers()))
def test_a_problem_document_has_what_rfc_9457_asks_for(detail: str, fields: dict[str, int]) -> None:
    problem = MatineeError(detail, **fields).problem("/here")
    assert {"type", "title", "status", "detail", "instance"} <= set(problem)


def test_what_is_unavailable_says_when_to_come_back() -> None:
    assert errors.StoreUnavailable().retry_after_s == 1
    assert errors.Overloaded(retry_after_s=7).retry_after_s == 7
    assert errors.TitleNotFound().retry_after_s is None
