"""How well titles are found that nobody has watched, on MovieLens 100K: `python -m bench.cold_titles [--json FILE]`.

A tenth of the titles is taken out of all histories; the sequence model learns from the others, and a map from contents (year, genres,
name) to its vectors. Then the titles that were taken out are ranked for everybody who has watched some of them, by where contents put
them; beside it in an order by chance, and by how much their contents are like those of what was watched, without a model.
Shapes: U users · C cold titles · I items · D width.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import metrics
from models.content import learn
from models.data import Histories, Interactions, leave_one_out
from models.evaluate import bootstrap
from models.features import BUCKETS, Content, features
from models.fitting import SequenceRecommender
from models.lineup import SEQUENCE_PARAMETERS, fitting_parameters
from models.readers import read
from serve_apps.recommendations.cold import ContentVectors
from serve_apps.recommendations.encoder import encoded
from tests.movielens import ml_100k

SHARE: Final = 0.1
K: Final = 10
CHANCES: Final = 20
Floats = NDArray[np.float32]


def contents(path: Path) -> dict[str, Content]:
    """Read what MovieLens says of its titles, of RecBole's `ml-100k.item`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return {
        item_id: Content.of(
            kind="film", genres=genres.split(), people=(), year=int(year) if year.isdigit() else None, maturity=0, name=name, synopsis=""
        )
        for item_id, name, year, genres in rows
    }


def dense(content: Content) -> Floats:
    """Return a content's features [F]."""
    found = features(content)
    feature_F = np.zeros(BUCKETS, dtype=np.float32)
    np.add.at(feature_F, found.bucket_N, found.value_N)
    return feature_F


def main() -> None:
    """Take titles out, learn, rank, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write all figures")
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    found, told = read(ml_100k() / "ml-100k.inter"), contents(ml_100k() / "ml-100k.item")
    all_of = found.histories.first_views()
    cold_I = random.random(len(found.item_ids)) < SHARE
    warm = Interactions(all_of.where(~cold_I[all_of.item_N]), found.user_ids, found.item_ids)
    split = leave_one_out(warm)
    model = SequenceRecommender(SEQUENCE_PARAMETERS, fitting_parameters(len(split.train.histories.item_N), asked.seed))
    model.fit(split.train, split.validation)
    # Nobody has watched the cold ones: their rows of the embedding are what training began with, and are not looked at.
    watched_I = np.bincount(split.train.histories.item_N, minlength=len(found.item_ids)) > 0
    known = {item_id: told[item_id] for item_id, there in zip(found.item_ids, watched_I, strict=True) if there}
    weights, fit = learn(known, found.item_ids, model.model.item.weight.detach()[:-1], asked.seed)
    vectors = ContentVectors(weights.weight_FD.numpy(), weights.mean_1D[0].numpy())
    cold_C = np.flatnonzero(cold_I)
    cold_CD = np.stack([vectors.vector(told[found.item_ids[item]]) for item in cold_C])
    target = all_of.where(cold_I[all_of.item_N])
    user_U = np.flatnonzero((target.length_R > 0) & (warm.histories.length_R > 0))
    asked_of, histories = target.rows(user_U), warm.histories.rows(user_U)
    asked_of = Histories(asked_of.start_S, np.searchsorted(cold_C, asked_of.item_N), asked_of.time_s_N, asked_of.weight_N)
    lists = [
        (histories.items(row).tolist(), histories.time_s_N[histories.start_S[row] : histories.start_S[row + 1]].tolist())
        for row in range(len(user_U))
    ]
    encoding_UD = np.stack([np.frombuffer(vector, dtype=np.float32) for vector in encoded(model.model, lists)])
    feature_IF = np.stack([dense(told[item_id]) for item_id in found.item_ids])
    liked_UF = np.stack([feature_IF[histories.items(row)].mean(axis=0) for row in range(len(user_U))])
    rankings = {
        "where contents put them": encoding_UD @ cold_CD.T,
        "likeness of contents, no model": liked_UF @ feature_IF[cold_C].T,
    }
    print(f"{split}; {len(cold_C)} titles taken out, {len(user_U)} users have watched some; cosine of titles held back {fit.cosine[0]:.3f}")
    figures = {}
    for name, score_UC in rankings.items():
        figures[name] = bootstrap(_ndcg(np.argsort(-score_UC, axis=1)[:, :K], asked_of), asked.seed)
        print(f"{name}: NDCG@{K} {figures[name]}")
    chance_U = np.mean([_ndcg(random.random((len(user_U), len(cold_C))).argsort(axis=1)[:, :K], asked_of) for _ in range(CHANCES)], axis=0)
    figures["by chance"] = bootstrap(chance_U, asked.seed)
    print(f"by chance: NDCG@{K} {figures['by chance']}")
    if asked.json:
        asked.json.write_text(
            json.dumps({"split": split.hash, "cosine": fit.cosine, **{name: vars(each) for name, each in figures.items()}})
        )


def _ndcg(ranked_UK: NDArray[np.int64], target: Histories) -> metrics.Doubles:
    return metrics.ndcg(metrics.hits(ranked_UK, target), target.length_R)


if __name__ == "__main__":
    main()
