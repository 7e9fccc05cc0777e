"""Small bundles that tests make: of weights that are chance, and sound."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import numpy as np
import torch

from models.bundle import Bundle, about_of, bundle_of
from models.data import Interactions, leave_one_out
from models.ease import Ease
from models.fitting import FittingParameters
from models.sequence import SequenceModel, SequenceParameters


def bundle(seed: int = 0, *, bundle_id: str | None = None, items: int = 12, ease: bool = True, **parameters: Any) -> Bundle:
    """One of a few users and items; the seed decides about everything, and the id too unless it is given."""
    random = np.random.default_rng(seed)
    watched = [(f"u{user}", f"t{item:02d}") for user in range(20) for item in random.permutation(items)[:5]]
    watched += [("everybody", f"t{item:02d}") for item in range(items)]
    users, titles = zip(*watched, strict=True)
    split = leave_one_out(Interactions.of(users, titles, np.arange(len(watched)) * 60.0))
    fitted = Ease()
    fitted.fit(split.train, split.validation)
    sequence = SequenceParameters(**{"width": 8, "blocks": 1, "longest": 10} | parameters)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SequenceModel(sequence, items)
    about = about_of(
        bundle_id or f"{seed:032x}",
        1_700_000_000.0 + seed,
        "1.2.3",
        (split.name, split.hash),
        split.train,
        (sequence, FittingParameters(device="cpu"), fitted.parameters),
        {"sequence model": {"NDCG@10": (0.2, 0.1, 0.3)}, "popularity, 7 days": {"NDCG@10": (0.1, 0.05, 0.15)}},
    )
    return bundle_of(about, split.train.item_ids, model, fitted if ease else None, torch.arange(items))


def resealed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Replace something in a header by what is as long, and put the checksum right: as somebody would who knows the format."""
    assert len(old) == len(new)
    length = int.from_bytes(data[:8], "little")
    assert old in data[: 8 + length]
    changed = bytearray(data[: 8 + length].replace(old, new) + data[8 + length :])
    place = re.search(rb'\\"sha256\\":\\"([0-9a-f]{64})', changed)
    assert place is not None
    changed[place.start(1) : place.end(1)] = b"0" * 64
    changed[place.start(1) : place.end(1)] = hashlib.sha256(changed).hexdigest().encode()
    return bytes(changed)


def header_of(data: bytes) -> dict[str, Any]:
    """The header as any reader of the format finds it."""
    found: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return found
