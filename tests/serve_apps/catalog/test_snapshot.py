import json
import random

from hypothesis import given
from hypothesis import strategies as st

from serve_apps.catalog.policy import Sight
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.snapshot import Filter, Snapshot
from tests.serve_apps.catalog.world import EDGE

genres = st.lists(st.sampled_from(["Drama", "drama", "Comedy"]), max_size=2)
records = st.builds(
    TitleRecord,
    title_id=st.integers(0, 30).map(lambda number: f"{number:032x}"),
    kind=st.sampled_from(["film", "series"]),
    name=st.sampled_from(["a", "B", "b", "\u00df", "SS", "z"]),
    year=st.sampled_from([None, 1999, 2001]),
    genres=genres,
    languages=st.lists(st.sampled_from(["en", "en-GB", "de"]), max_size=2),
    maturity=st.integers(0, 18),
    published=st.booleans(),
    created_at_s=st.sampled_from([1.0, 2.0, 3.5]),
)
catalogues = st.lists(records, max_size=25, unique_by=lambda record: record.title_id)
sights = st.builds(Sight, cap=st.integers(0, 18), drafts=st.booleans())
filters = st.builds(
    Filter,
    kind=st.sampled_from([None, "film"]),
    genre=st.sampled_from([None, "DRAMA", "Comedy"]),
    language=st.sampled_from([None, "en"]),
    name=st.sampled_from([None, "b"]),
    year=st.sampled_from([None, 1999]),
)
sorts = st.sampled_from(["added", "name", "year"])


def holding(catalogue: list[TitleRecord]) -> Snapshot:
    snapshot = Snapshot(EDGE)
    for record in catalogue:
        assert snapshot.apply(record.title_id, 1, record)
    return snapshot


def passes(record: TitleRecord, wanted: Filter) -> bool:
    return (
        wanted.kind in {None, record.kind}
        and (wanted.genre is None or wanted.genre.casefold() in {genre.casefold() for genre in record.genres})
        and (wanted.language is None or any(tag.split("-")[0] == wanted.language for tag in record.languages))
        and (wanted.name is None or wanted.name.casefold() == record.name.casefold())
        and wanted.year in {None, record.year}
    )


def page(snapshot, sight, wanted, sort, limit, cursor):
    answer = json.loads(snapshot.page(sight, wanted, sort, limit, cursor))
    return [item["title_id"] for item in answer["items"]], answer["next_cursor"]


@given(catalogues, sights, filters, sorts, st.integers(1, 5))
def test_pages_hold_all_that_is_visible_and_wanted_once_and_nothing_else(catalogue, sight, wanted, sort, limit):
    snapshot = holding(catalogue)
    found: list[str] = []
    cursor = None
    while True:
        ids, cursor = page(snapshot, sight, wanted, sort, limit, cursor)
        found += ids
        if cursor is None:
            break
        assert len(ids) == limit
    visible = {record.title_id for record in catalogue if sight.shows(record.maturity, record.published) and passes(record, wanted)}
    assert len(found) == len(visible) and set(found) == visible


@given(catalogues, catalogues, sorts, st.integers(1, 4), st.randoms(use_true_random=False))
def test_titles_that_come_and_go_between_pages_hide_and_repeat_no_other(catalogue, changes, sort, limit, rng):
    everything = Sight(18, drafts=True)
    snapshot = holding(catalogue)
    untouched = {record.title_id for record in catalogue} - {record.title_id for record in changes}
    pending = list(changes)
    found: list[str] = []
    ids, cursor = page(snapshot, everything, Filter(), sort, limit, None)
    found += ids
    while cursor is not None:
        if pending:
            record = pending.pop()
            snapshot.apply(record.title_id, 2, record if rng.random() < 0.5 else None)
        ids, cursor = page(snapshot, everything, Filter(), sort, limit, cursor)
        found += ids
    kept = [title_id for title_id in found if title_id in untouched]
    assert len(kept) == len(set(kept)) and set(kept) == untouched


@given(catalogues, sights)
def test_genres_count_what_the_caller_sees(catalogue, sight):
    visible = [record for record in catalogue if sight.shows(record.maturity, record.published)]
    counted = {genre.casefold(): titles for genre, titles in holding(catalogue).genres(sight)}
    folded = [genre.casefold() for record in visible for genre in record.genres]
    assert counted == {genre: folded.count(genre) for genre in folded}


@given(st.lists(st.none() | records, min_size=1, max_size=6), st.integers(0, 2**32))
def test_whatever_order_versions_come_in_the_highest_is_held(versions, seed):
    title_id = "a" * 32
    numbered = [
        (number, record.model_copy(update={"title_id": title_id}) if record else None) for number, record in enumerate(versions, start=1)
    ]
    shuffled = numbered * 2
    random.Random(seed).shuffle(shuffled)
    snapshot = Snapshot(EDGE)
    for number, record in shuffled:
        snapshot.apply(title_id, number, record)
    held = snapshot.detail(title_id, Sight(18, drafts=True))
    last = numbered[-1][1]
    assert (held is None) == (last is None) == (len(snapshot) == 0)
    if held is not None and last is not None:
        assert (held.version, json.loads(held.detail)["name"]) == (len(numbered), last.name)
    listed, _ = page(snapshot, Sight(18, drafts=True), Filter(), "name", 5, None)
    assert listed == ([title_id] if last else [])
