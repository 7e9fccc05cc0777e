"""How well the models in models/ recommend: `python -m bench.recommenders [ml-100k|made] [--seed N] [--json FILE]`.

On MovieLens 100K (fetched when first asked for; for research only) and on a population whose best ranking is known: leave-one-out, the
whole catalogue ranked, what was seen left out, intervals over users. Parameters were chosen on the validation, never on the test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.data import Floats, Split, leave_one_out
from models.ease import Ease, EaseParameters
from models.evaluate import Evaluation, difference, evaluate, table
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.generate import Oracle, Population
from models.item_knn import ItemKnn, ItemKnnParameters
from models.mixture import Mixture
from models.popularity import Popularity
from models.ranking import Recommender
from models.readers import read, read_genres
from models.sequence import SequenceParameters
from tests.movielens import ml_100k


def movielens(seed: int) -> tuple[Split, Floats, Sequence[Recommender]]:
    folder = ml_100k()
    interactions = read(folder / "ml-100k.inter")
    genre_IG, _ = read_genres(folder / "ml-100k.item", interactions.item_ids)
    models = [
        Popularity(None),
        Popularity(),
        ItemKnn(),
        ItemKnn(ItemKnnParameters(last=10, decay=0.7)),
        Ease(EaseParameters(150, None, 1.0)),
        ease := Ease(),
        sequence := sequence_for_ml_100k(seed),
        Mixture(sequence, ease),
    ]
    return leave_one_out(interactions), genre_IG, models


def sequence_for_ml_100k(seed: int) -> SequenceRecommender:
    return SequenceRecommender(
        SequenceParameters(dropout=0.3, longest=50),
        FittingParameters(2e-3, positions=1024, start_from_factors=True, most_epochs=60, patience=12, seed=seed),
        tell,
    )


def ml_100k_mixture(seed: int) -> Mixture:
    return Mixture(sequence_for_ml_100k(seed), Ease())


def made(seed: int) -> tuple[Split, Floats, Sequence[Recommender]]:
    population = Population()
    models = [
        Oracle(population),
        Popularity(None),
        Popularity(),
        ItemKnn(),
        Ease(EaseParameters(100, None, 1.0)),
        Ease(EaseParameters(100, 5, 0.5)),
        SequenceRecommender(
            SequenceParameters(dropout=0.3, longest=64), FittingParameters(3e-3, positions=2048, patience=4, seed=seed), tell
        ),
    ]
    return leave_one_out(population.interactions()), population.genre_IG, models


def tell(epoch: Epoch) -> None:
    print(
        f"  epoch {epoch.number}: loss {epoch.loss:.3f}, NDCG@10 on the validation {epoch.ndcg:.4f}, {epoch.seconds:.0f} s of training",
        flush=True,
    )


def judged(split: Split, genre_IG: Floats, models: Sequence[Recommender]) -> list[Evaluation]:
    found = []
    for model in models:
        began = time.perf_counter()
        if isinstance(model, Mixture):
            model.weigh(split.validation)  # its parts stand before it in the table
        else:
            model.fit(split.train, split.validation)
        fitted_s = time.perf_counter() - began
        found.append(evaluate(model, split.train, split.test, genre_IG=genre_IG))
        print(f"{model.name}: {fitted_s:.1f} s to fit, {getattr(model, 'parameters', '')} {getattr(model, 'fitting', '')}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", choices=["ml-100k", "made"], default=["ml-100k", "made"])
    parser.add_argument("--seed", type=int, default=0, help="of the sequence model")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    asked = parser.parse_args()
    results: dict[str, Any] = {}
    for name in asked.data:
        split, genre_IG, models = {"ml-100k": movielens, "made": made}[name](asked.seed)
        print(f"\n{name}: {split}")
        found = judged(split, genre_IG, models)
        print(f"\n{table(found)}\n")
        for place, one in enumerate(found):
            for other in found[:place] if "sequence" in one.name else ():
                for metric in ("HR@10", "NDCG@10"):
                    print(f"{one.name} above {other.name} by {difference(one, other, metric)} {metric}")
        results[name] = {
            "split": split.hash,
            "seed": asked.seed,
            "models": [
                found.as_json() | {key: vars(getattr(model, key)) for key in ("parameters", "fitting") if hasattr(model, key)}
                for found, model in zip(found, models, strict=True)
            ],
        }
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
