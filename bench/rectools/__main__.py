"""The sequence model against RecTools' SASRec and eSASRec on MovieLens 100K: `python -m bench.rectools [--seeds N] [--json FILE]`.

Same split, same rule of stopping, same judge, two threads each, one after the other. RecTools lives in an environment of its own that
`uv run` makes (or RECTOOLS_PYTHON names), and comes in by the door of `matinee evaluate --beside`: fit.py is the command. What is compared
beside the ranking is the time of training until the validation is as good as the less good of two gets.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from bench.recommenders import ml_100k_mixture
from cluster.launch.training.beside import Beside, besides
from models.data import Split, leave_one_out
from models.evaluate import Evaluation, difference, evaluate, table
from models.fitting import SequenceRecommender
from models.readers import read
from tests.movielens import ml_100k

THREADS: Final = 2
PACKAGE: Final = "rectools[torch]==0.19.0"
PYTHON: Final = "3.11"
"""RecTools 0.19 is not for every Python that Matinee is for."""
MODELS: Final = {"RecTools eSASRec": "esasrec", "RecTools SASRec": "sasrec"}


def rectools(split: Split, most_s: float) -> list[Beside]:
    """RecTools' models, as `matinee evaluate --beside` would make them."""
    python = os.environ.get("RECTOOLS_PYTHON")
    start = [python] if python else ["uv", "run", "--isolated", "--no-project", "--python", PYTHON, "--with", PACKAGE, "python"]
    script = str(Path(__file__).with_name("fit.py"))
    options = ["--most-s", str(most_s), "--threads", str(THREADS)]
    asked = [f"{name}={shlex.join([*start, script, '--model', model, *options])}" for name, model in MODELS.items()]
    return [Beside(name, argv, split, 24 * 3600, 0, lambda line: print(line, flush=True)) for name, argv in besides(asked).items()]


def seconds_to(ndcg: float, epochs: Sequence[tuple[float, float]]) -> float:
    """Return after how many seconds of training the validation was first as good."""
    return next(seconds for found, seconds in epochs if found >= ndcg)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="how many, of our models; RecTools has the first")
    parser.add_argument("--most-s", type=float, default=3600, help="of training for each of RecTools' models")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    asked = parser.parse_args()
    torch.set_num_threads(THREADS)
    split = leave_one_out(read(ml_100k() / "ml-100k.inter"))
    print(f"{split}\nload of this machine: {os.getloadavg()[0]:.1f}")
    ours: list[Evaluation] = []
    theirs = rectools(split, asked.most_s)
    told: list[dict[str, Any]] = []
    for seed in range(asked.seeds):
        mixture = ml_100k_mixture(seed)
        sequence = mixture.first
        assert isinstance(sequence, SequenceRecommender)
        mixture.fit(split.train, split.validation)
        if not seed:
            epochs = [(epoch.ndcg, epoch.seconds) for epoch in sequence.epochs]
            for model in theirs:
                model.fit(split.train, split.validation)
        for part in (sequence, mixture.second, mixture):
            if not seed or part is not mixture.second:
                ours.append(evaluate(part, split.train, split.test))
                chosen = float(evaluate(part, split.train, split.validation).per_question["NDCG@10"].mean())
                told.append({"seed": seed, "validation": chosen, "share": mixture.share} | ours[-1].as_json())
                print(f"{part.name}, seed {seed}: NDCG@10 on the validation {chosen:.4f}, share of EASE {mixture.share}", flush=True)
    found = [evaluate(model, split.train, split.test) for model in theirs]
    print(f"\n{table([*ours, *found])}\n")
    ease = ours[1]
    for one in ours:
        for other in [ease, *found]:
            if one is not other:
                print(
                    f"{one.name} above {other.name} by", *(f"{difference(one, other, metric)} {metric}" for metric in ("HR@10", "NDCG@10"))
                )
    for name in {one.name for one in ours}:
        for metric in ("HR@10", "NDCG@10"):
            mean_S = np.array([one.per_question[metric].mean() for one in ours if one.name == name])
            print(f"{name}, {len(mean_S)} seeds: {metric} {mean_S.mean():.4f}, from {mean_S.min():.4f} to {mean_S.max():.4f}")
    for model in theirs:
        other_epochs = [(epoch["ndcg"], epoch["seconds"]) for epoch in model.about["epochs"]]
        ndcg = min(max(epochs)[0], max(other_epochs)[0])
        one_s, other_s = seconds_to(ndcg, epochs), seconds_to(ndcg, other_epochs)
        print(f"to {ndcg:.4f} on the validation: {one_s:.1f} s, {model.name} {other_s:.1f} s, {other_s / one_s:.1f} times as long")
        told.append({"name": model.name, **model.about, **evaluate(model, split.train, split.test).as_json()})
    if asked.json:
        asked.json.write_text(json.dumps({"split": split.hash, "load": os.getloadavg(), "epochs": epochs, "models": told}, indent=2))


if __name__ == "__main__":
    main()
