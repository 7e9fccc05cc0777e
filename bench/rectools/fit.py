"""Trains a model of RecTools on the split in a folder that `matinee evaluate --beside` made, and writes there what it recommends.

It runs in an environment of its own and imports nothing of Matinee. Epochs are stopped by NDCG@10 on the validation, as ours are.

    matinee evaluate --data ml-100k.inter --beside "RecTools eSASRec=uv run --isolated --no-project --python 3.11 \\
        --with rectools[torch]==0.19.0 python bench/rectools/fit.py --model esasrec --most-s 150"
"""

import argparse
import json
import logging
import time
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer, seed_everything

from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.item_net import IdEmbeddingsItemNet
from rectools.models.nn.transformers.ligr import LiGRLayers

K = 10


def frame(split, part):
    """Everybody's views, in the order of the split: by the place in the history, so that those of the same second keep it."""
    views = pd.DataFrame({"user_id": split[f"{part}_user"], "item_id": split[f"{part}_item"], "weight": 1.0})
    views["datetime"] = pd.to_datetime(views.groupby("user_id").cumcount(), unit="s")
    return views


def by_user(views, users, index):
    """The items of each user, as the model numbers them; what it does not know is left out."""
    inner = views.assign(inner=views["item_id"].map(index)).dropna(subset=["inner"])
    found = {user: items.to_numpy(np.int64) for user, items in inner.groupby("user_id", sort=False)["inner"]}
    return [found.get(user, np.zeros(0, np.int64)) for user in users]


class Stopping(Callback):
    """After each epoch ranks the whole catalogue for the validation; keeps the best weights."""

    def __init__(self, preparator, split, patience, most_s):
        self.preparator, self.split, self.patience, self.most_s = preparator, split, patience, most_s
        self.epochs, self.best, self.weights = [], -1.0, None
        self.seconds = 0.0

    def on_train_start(self, trainer, module):
        # It knows only what is in the newest `session_max_len` views of somebody.
        index = {outer: place for place, outer in enumerate(self.preparator.item_id_map.external_ids)}
        users = self.split["validation_user"]
        target = frame(self.split, "validation_target")
        self.seen = by_user(frame(self.split, "validation_seen"), users, index)
        self.wanted = by_user(target, users, index)
        self.targets = target.groupby("user_id").size().reindex(users).to_numpy()

    def on_train_epoch_start(self, trainer, module):
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer, module):
        self.seconds += time.perf_counter() - self.began
        ndcg = self.ndcg(module)
        self.epochs.append({"number": len(self.epochs) + 1, "ndcg": ndcg, "seconds": self.seconds})
        print(f"  epoch {len(self.epochs)}: NDCG@10 on the validation {ndcg:.4f}, {self.seconds:.0f} s of training", flush=True)
        if ndcg > self.best:
            self.best, self.weights, self.best_at = ndcg, deepcopy(module.torch_model.state_dict()), len(self.epochs)
        trainer.should_stop = len(self.epochs) - self.best_at >= self.patience or self.seconds > self.most_s

    def ndcg(self, module):
        net, longest = module.torch_model, self.preparator.session_max_len
        net.eval()
        x = np.zeros((len(self.seen), longest), dtype=np.int64)
        for row, seen in enumerate(self.seen):
            x[row, longest - min(longest, len(seen)) :] = seen[-longest:]
        gain, discount = 0.0, 1 / np.log2(np.arange(2, K + 2))
        with torch.no_grad():
            items = net.item_model.get_all_embeddings()
            for start in range(0, len(x), 256):
                last = net.encode_sessions({"x": torch.from_numpy(x[start : start + 256])}, items)[:, -1]
                score = (last @ items.T).numpy()
                score[:, : self.preparator.n_item_extra_tokens] = -np.inf
                for row, one in enumerate(score, start):
                    one[self.seen[row]] = -np.inf
                    top = np.argsort(-one, kind="stable")[:K]
                    gain += discount[np.isin(top, self.wanted[row])].sum() / discount[: self.targets[row]].sum()
        net.train()
        return gain / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with split.npz; gets ranking.npz and about.json")
    parser.add_argument("--model", choices=["sasrec", "esasrec"], required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="of SASRecModel, over those here")
    parser.add_argument("--most-epochs", type=int, default=100)
    parser.add_argument("--patience", type=int, default=12)
    parser.add_argument("--most-s", type=float, default=float("inf"), help="of training; it ends after the epoch that passes it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, help="by default the split's")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(asked.threads)
    split = np.load(asked.folder / "split.npz")
    seed = int(split["seed"]) if asked.seed is None else asked.seed
    seed_everything(seed)
    settings = {
        "n_factors": 64, "n_blocks": 2, "n_heads": 1, "dropout_rate": 0.3, "session_max_len": 100, "lr": 2e-3, "batch_size": 16,
        "item_net_block_types": (IdEmbeddingsItemNet,), "deterministic": True, "recommend_torch_device": "cpu",
    }  # fmt: skip
    if asked.model == "esasrec":
        # With few titles the full softmax, its default here, is quicker than negatives drawn for each position, and no worse.
        settings |= {"transformer_layers_type": LiGRLayers}
    settings |= asked.settings
    model = SASRecModel(**settings)
    stopping = Stopping(model.data_preparator, split, asked.patience, asked.most_s)
    model._trainer = Trainer(
        max_epochs=asked.most_epochs, min_epochs=1, accelerator="cpu", devices=1, deterministic=True, callbacks=[stopping],
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False, logger=False,
    )  # fmt: skip
    # What is copied before training must still be this one.
    Stopping.__deepcopy__ = lambda self, _: self
    began = time.perf_counter()
    model.fit(Dataset.construct(frame(split, "train")))
    wall_s = time.perf_counter() - began
    model.lightning_model.torch_model.load_state_dict(stopping.weights)
    history = Dataset.construct(frame(split, "test_seen"))
    top = model.recommend(split["test_user"], history, k=K, filter_viewed=True, on_unsupported_targets="ignore")
    np.savez(asked.folder / "ranking.npz", user=top["user_id"].to_numpy(), item=top["item_id"].to_numpy(), score=-top["rank"].to_numpy())
    shown = {key: getattr(value, "__name__", value) for key, value in settings.items() if key != "item_net_block_types"}
    about = {"epochs": stopping.epochs, "settings": shown, "wall_s": wall_s, "seed": seed}
    (asked.folder / "about.json").write_text(json.dumps(about))


if __name__ == "__main__":
    main()
