"""Titles that the live model has not learned of: found by their contents, never over a cap, and known to neither encoder nor EASE."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import torch

from cluster.launch.training.contents import content_of as content_of_record
from models import bundle as bundles
from models.content import learn
from models.errors import BundleRefused
from models.features import BUCKETS
from serve_apps.catalog import views
from serve_apps.catalog.client import Sight
from serve_apps.catalog.record import TitleRecord
from serve_apps.catalog.schemas import CastMember, Title
from serve_apps.recommendations import policy
from serve_apps.recommendations.cold import ColdTitles, ContentVectors, content_of
from serve_apps.recommendations.live_model import LiveModel
from serve_apps.recommendations.reading import live_model as read
from serve_apps.recommendations.sources import Picks, Sources
from serve_apps.recommendations.stock import Shelf, Stock, known
from tests.serve_apps.recommendations import made_models, test_picking
from tests.serve_apps.recommendations.kept import made_bundle
from tests.serve_apps.recommendations.test_picking import Asked, watched
from tests.serve_apps.recommendations.titles import NOW_S, film

WARM = [f"w{number:02d}" for number in range(60)]
SEA, SPACE = "Sea", "Space"


def title(number: int, title_id: str, **fields: object) -> Title:
    """One of two kinds of titles, that differ in a genre and in nothing else that another title has too."""
    return film(title_id, genres=[SEA if number % 2 else SPACE], age_days=50 + number, synopsis=f"only{number}", **fields)


def trained() -> LiveModel:
    """A model whose vectors are where the two kinds are, with what contents say of that."""
    vector_ID = np.random.default_rng(0).normal(0, 0.3, (60, 8)).astype(np.float32)
    vector_ID[:, 0] += np.where(np.arange(60) % 2, 3, -3)
    contents = {title_id: content_of(known(title(number, title_id))) for number, title_id in enumerate(WARM)}
    weights, _ = learn(contents, WARM, torch.from_numpy(vector_ID))
    told = ContentVectors(weights.weight_FD.numpy(), weights.mean_1D[0].numpy())
    return replace(made_models.live_model(WARM), vector_ID=vector_ID, content=told)


MODEL = trained()


def shelf(*cold: Title) -> Shelf:
    made = Shelf()
    for each in [*(title(number, title_id) for number, title_id in enumerate(WARM)), *cold]:
        made.put(each)
    return made


def seen_by(*cold: Title, cap: int = 18) -> Stock:
    return shelf(*cold).stock(Sight(cap, drafts=False))


def picks(sources: Sources, stock: Stock, model: LiveModel = MODEL, *, away: bool = False) -> Picks:
    return test_picking.picks(sources, stock, model, away=away)


COLD = title(1, "cold-sea"), title(2, "cold-space")
STOCK = seen_by(*COLD)
SAILOR = watched(*(title_id for number, title_id in enumerate(WARM) if number % 2 and number > 12))


def test_one_that_nobody_has_watched_is_picked_for_those_who_watch_its_like() -> None:
    found = picks(SAILOR, STOCK)
    assert found.fallback == "none"
    assert "cold-sea" in found.title_ids
    assert found.because["cold-sea"] in WARM[1::2]


def test_it_is_wanted_as_its_like_are() -> None:
    grown = ColdTitles().grown(MODEL, STOCK)
    score_I = grown.encoded_scores(MODEL.vector_ID[1])
    sea, space = (float(score_I[grown.item_of[title_id]]) for title_id in ("cold-sea", "cold-space"))
    assert space < float(score_I[:60].mean()) < sea
    assert float(score_I[:60][::2].max()) < sea


def test_it_is_like_what_its_contents_are_like_and_they_are_like_it() -> None:
    asked = Asked(MODEL)
    alike = [each.title_id for each in asked.picking.alike(MODEL, STOCK, STOCK.by_id["cold-sea"])]
    assert set(alike[:29]) <= set(WARM[1::2])
    assert "cold-sea" in [each.title_id for each in asked.picking.alike(MODEL, STOCK, STOCK.by_id["w01"])][:30]
    home = policy.home(STOCK, watched("cold-sea"), "p", NOW_S, picks=picks(watched("cold-sea"), STOCK))
    (because,) = [row for row in home.rows if row.kind == "because"]
    assert {item.title.title_id for item in because.items} <= set(WARM[1::2])


def test_what_is_over_the_cap_or_was_watched_is_not_picked() -> None:
    over = title(1, "over", maturity=18)
    stock = seen_by(over, *COLD, cap=12)
    assert "over" not in picks(SAILOR, stock).title_ids
    assert "over" in picks(SAILOR, seen_by(over)).title_ids
    again = Sources([*(SAILOR.watched or ()), *(watched("cold-sea").watched or ())], [], SAILOR.state)
    assert "cold-sea" not in picks(again, STOCK).title_ids


def test_neither_the_encoder_nor_ease_hears_of_it() -> None:
    async def main() -> None:
        asked = Asked(MODEL)
        try:
            await asked.picks(watched("w01", "cold-sea", "w03"), STOCK, MODEL)
        finally:
            await asked.encodings.close()
        assert [list(ask.items) for ask in asked.encoder.asked] == [[1, 3]]

    asyncio.run(main())
    assert picks(watched("cold-sea"), STOCK).fallback == "trending"  # nothing is known of who has watched that alone
    away = picks(SAILOR, STOCK, away=True)
    assert away.fallback == "ease"
    assert not {"cold-sea", "cold-space"} & set(away.title_ids)


def test_scores_of_titles_that_were_learned_of_stay_as_they_were_judged() -> None:
    mixed = replace(MODEL, ease_share=0.3)
    grown = mixed.grown(["a", "b"], np.full((2, 8), 9, dtype=np.float32))
    encoding_D = MODEL.vector_ID[5]
    assert np.allclose(grown.scores(encoding_D, [1, 3])[:60], mixed.scores(encoding_D, [1, 3]), atol=1e-6)
    assert grown.history({"a": 1.0, "w03": 2.0}) == mixed.history({"w03": 2.0})


def test_without_contents_a_model_stays_as_it_is() -> None:
    plain = replace(MODEL, content=None)
    assert "cold-sea" not in picks(SAILOR, STOCK, plain).title_ids
    asked = Asked(plain)
    assert asked.picking.alike(plain, STOCK, STOCK.by_id["cold-sea"]) == policy.similar(STOCK, STOCK.by_id["cold-sea"])


def test_a_replica_makes_of_a_title_what_a_training_makes_of_its_record() -> None:
    record = TitleRecord(
        title_id="t" * 32,
        kind="series",
        name="Über den Wolken",
        synopsis="Ein Film, ein Flug. Ein FLUG!",
        year=1987,
        genres=["Drama", "drama", "Sea"],
        cast=[CastMember(name="Ida Lupino"), CastMember(name="ida lupino")],
        maturity=12,
        languages=["de"],
    )
    assert content_of(known(views.title(record, "http://edge.test", drafts=False))) == content_of_record(record)


# --- in a bundle


def with_content(width: int = 8) -> bundles.Bundle:
    made = made_bundle(WARM)
    contents = {title_id: content_of(known(title(number, title_id))) for number, title_id in enumerate(WARM)}
    weights, fit = learn(contents, WARM, torch.from_numpy(MODEL.vector_ID[:, :width]).contiguous())
    return replace(made, content=weights, about=replace(made.about, content=fit))


def test_it_comes_with_the_bundle() -> None:
    made = with_content()
    data = bundles.encode(made)
    model, back = read(made.about.bundle_id, data), bundles.decode(data)
    assert back.about == made.about
    assert back.content is not None
    assert model.content is not None
    assert np.array_equal(model.content.weight_FD, back.content.weight_FD.numpy())
    assert model.content.weight_FD.shape == (BUCKETS, 8)
    assert np.array_equal(model.content.mean_D, back.content.mean_1D[0].numpy())


def test_features_of_another_release_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_content()
    monkeypatch.setattr("serve_apps.recommendations.reading.VERSION", 2)
    assert read(made.about.bundle_id, bundles.encode(made)).content is None


@pytest.mark.parametrize("fault", ["lost", "unsaid", "narrow", "infinite"])
def test_contents_that_do_not_fit_are_refused(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_content(4 if fault == "narrow" else 8)
    if fault == "lost":
        made = replace(made, content=None)
    if fault == "unsaid":
        made = replace(made, about=replace(made.about, content=None))
    if fault == "infinite":
        assert made.content is not None
        made.content.weight_FD[3, 3] = torch.inf
    with pytest.raises(BundleRefused):
        bundles.encode(made)
    with monkeypatch.context() as patched:
        patched.setattr(bundles, "_check", lambda _: None)
        data = bundles.encode(made)
    with pytest.raises(BundleRefused):
        bundles.decode(data)
    if fault != "unsaid":
        with pytest.raises(BundleRefused):
            read(made.about.bundle_id, data)
