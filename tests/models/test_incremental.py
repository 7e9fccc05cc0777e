"""A model goes on from what was watched since: what it knew stays, new titles get rows, and only new plays are a reason to."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from models.bundle import Bundle
from models.candidate import Making, train_bundle
from models.data import Interactions, Split, leave_one_out
from models.errors import DataRefused
from models.evaluate import evaluate
from models.fitting import FittingParameters, SequenceRecommender
from models.incremental import fitting_parameters, go_on, grown
from models.sequence import SequenceParameters
from tests.models.made import Row, interactions

DAY_S = 86_400
TINY = SequenceParameters(width=16, blocks=1, longest=16, dropout=0.1)
QUICK = FittingParameters(learning_rate=5e-3, positions=128, most_epochs=15, patience=15, device="cpu")
# Everybody goes round a circle of twelve; since yesterday half of them go on through three titles that are new.
OLD: list[Row] = [(f"u{user}", f"t{(user + step) % 12:02}", step) for user in range(48) for step in range(5 + user % 5)]
NEW: list[Row] = [(f"u{user}", f"new{step}", DAY_S + step) for user in range(0, 48, 2) for step in range(3)]


def first() -> Bundle:
    bundle, _ = train_bundle(leave_one_out(interactions(OLD)), TINY, QUICK, Making("1" * 32, 0.0, "test"))
    return bundle


@pytest.fixture(scope="module", name="live")
def live_bundle() -> Bundle:
    return first()


def later(live: Bundle, found: Interactions) -> Split:
    return leave_one_out(grown(found, live.item_ids))


def test_it_learns_new_titles_and_keeps_those_that_nobody_watches_any_more(live: Bundle) -> None:
    gone = [row for row in OLD if row[1] != "t03"]
    split = later(live, interactions(gone + NEW))
    assert set(split.train.item_ids) == {*live.item_ids, "new0", "new1", "new2"}
    fitting = replace(fitting_parameters(QUICK), learning_rate=5e-3)
    bundle, verdict = train_bundle(
        split, TINY, fitting, Making("2" * 32, 0.0, "test"), live=live, fit=lambda split, _, fitting: go_on(live, split, fitting)
    )
    assert verdict.accepted and verdict.against_bundle_id == "1" * 32
    assert verdict.differences["live"][0] > 0.1, "the live model cannot know the new titles, which half of the questions ask for"
    assert "t03" in bundle.item_ids
    assert asdict(TINY) == bundle.about.parameters


def test_it_begins_where_the_live_model_stopped(live: Bundle) -> None:
    split = later(live, interactions(OLD + NEW))
    standing_still = go_on(live, split, replace(QUICK, learning_rate=1e-9, most_epochs=1))
    known = [split.train.item_ids.index(item_id) for item_id in live.item_ids]
    assert torch.allclose(standing_still.model.item.weight[known], live.weights["item.weight"][:-1], atol=1e-6)
    anew = SequenceRecommender(TINY, replace(QUICK, most_epochs=1))
    anew.fit(split.train, split.validation)
    old = leave_one_out(grown(interactions(OLD), split.train.item_ids))
    kept, begun = (evaluate(each, old.train, old.test).figure("NDCG@10").mean for each in (standing_still, anew))
    assert kept > begun + 0.2


def test_without_new_plays_or_with_another_catalogue_it_is_refused(live: Bundle) -> None:
    with pytest.raises(DataRefused, match="nothing to learn from was watched since 1970-01-01 00:00 UTC"):
        go_on(live, later(live, interactions(OLD)), QUICK)
    with pytest.raises(DataRefused, match="knows none of the titles"):
        grown(interactions([("u", "elsewhere", 1), ("u", "else", 2)]), live.item_ids)
