"""Trains a model of RecTools on a split that `python -m bench.rectools` wrote, and writes what it recommends; see there.

It runs in an environment of its own and imports nothing of Matinee. Epochs are stopped by NDCG@10 on the validation, as ours are.
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
    return pd.DataFrame(
        {
            "user_id": split[f"{part}_user"],
            "item_id": split[f"{part}_item"],
            "weight": 1.0,
            # By the place in the history, so that views of the same second keep their order.
            "datetime": pd.to_datetime(split[f"{part}_place"], unit="s"),
        }
    )


class Stopping(Callback):
    """After each epoch ranks the whole catalogue for the validation; keeps the best weights."""

    def __init__(self, preparator, train, target, patience, most_s):
        self.preparator, self.patience, self.most_s = preparator, patience, most_s
        self.train, self.target = train, target
        self.epochs, self.best, self.weights = [], -1.0, None
        self.seconds = 0.0

    def on_train_start(self, trainer, module):
        # It knows only what is in the newest `session_max_len` views of somebody.
        index = {outer: place for place, outer in enumerate(self.preparator.item_id_map.external_ids)}
        inner = self.train["item_id"].map(index)
        inner = inner.dropna().astype(np.int64).groupby(self.train["user_id"], sort=True)
        self.seen = [items.to_numpy() for _, items in inner]
        self.wanted = np.array([index.get(item, -1) for item in self.target])

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
        gain = 0.0
        with torch.no_grad():
            items = net.item_model.get_all_embeddings()
            for start in range(0, len(x), 256):
                last = net.encode_sessions({"x": torch.from_numpy(x[start : start + 256])}, items)[:, -1]
                score = (last @ items.T).numpy()
                score[:, : self.preparator.n_item_extra_tokens] = -np.inf
                for row, wanted in enumerate(self.wanted[start : start + 256]):
                    score[row, self.seen[start + row]] = -np.inf
                    place = (score[row] > score[row, wanted]).sum() if wanted >= 0 else K
                    gain += 1 / np.log2(place + 2) if place < K else 0.0
        net.train()
        return gain / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", choices=["sasrec", "esasrec"], required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="of SASRecModel, over those here")
    parser.add_argument("--most-epochs", type=int, default=100)
    parser.add_argument("--patience", type=int, default=12)
    parser.add_argument("--most-s", type=float, default=float("inf"), help="of training; it ends after the epoch that passes it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(asked.threads)
    seed_everything(asked.seed)
    split = np.load(asked.split)
    train, validation = frame(split, "train"), frame(split, "validation")
    settings = {
        "n_factors": 64, "n_blocks": 2, "n_heads": 1, "dropout_rate": 0.3, "session_max_len": 100, "lr": 2e-3, "batch_size": 16,
        "item_net_block_types": (IdEmbeddingsItemNet,), "deterministic": True, "recommend_torch_device": "cpu",
    }  # fmt: skip
    if asked.model == "esasrec":
        # With few titles the full softmax, its default here, is quicker than negatives drawn for each position, and no worse.
        settings |= {"transformer_layers_type": LiGRLayers}
    settings |= asked.settings
    model = SASRecModel(**settings)
    target = validation.sort_values("user_id")["item_id"].to_numpy()
    asked_train = train[train["user_id"].isin(validation["user_id"])]
    stopping = Stopping(
        model.data_preparator, asked_train.sort_values(["user_id", "datetime"]).reset_index(drop=True), target, asked.patience, asked.most_s
    )
    model._trainer = Trainer(
        max_epochs=asked.most_epochs, min_epochs=1, accelerator="cpu", devices=1, deterministic=True, callbacks=[stopping],
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False, logger=False,
    )  # fmt: skip
    # What is copied before training must still be this one.
    Stopping.__deepcopy__ = lambda self, _: self
    began = time.perf_counter()
    model.fit(Dataset.construct(train))
    wall_s = time.perf_counter() - began
    model.lightning_model.torch_model.load_state_dict(stopping.weights)
    history = Dataset.construct(pd.concat([train, validation]))
    top = model.recommend(np.unique(validation["user_id"]), history, k=K, filter_viewed=True)
    shown = {key: getattr(value, "__name__", value) for key, value in settings.items() if key != "item_net_block_types"}
    np.savez(asked.out, user=top["user_id"].to_numpy(), item=top["item_id"].to_numpy(), rank=top["rank"].to_numpy())
    asked.out.with_suffix(".json").write_text(
        json.dumps({"epochs": stopping.epochs, "settings": shown, "wall_s": wall_s, "seed": asked.seed})
    )


if __name__ == "__main__":
    main()
