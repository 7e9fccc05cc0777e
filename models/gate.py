"""Says whether a model may be served: not if it is worse than the live one, or than popularity, by more than chance.

Shapes: Q questions of the validation, the same for all.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.about import MeanLowHigh, Verdict
from models.errors import DataRefused
from models.evaluate import bootstrap
from models.metrics import Doubles

METRIC: Final = "NDCG@10"


def verdict(
    candidate_Q: Doubles,
    live_Q: Doubles | None,
    popularity_Q: Doubles,
    *,
    against_bundle_id: str | None,
    seed: int = 0,
    metric: str = METRIC,
) -> Verdict:
    """Compare what each question gave, by a paired bootstrap over users: worse is where the whole interval is below 0.

    `live_Q` is None where no model is live, and `against_bundle_id` with it.

    Raises:
        DataRefused: they did not answer the same questions.
    """
    if (live_Q is None) != (against_bundle_id is None):
        raise DataRefused("either a model is live and was judged too, or none is")
    others = {"live": live_Q, "popularity": popularity_Q}
    differences: dict[str, MeanLowHigh] = {}

    def said(accepted: bool, reason: str) -> Verdict:
        return Verdict(accepted=accepted, reason=reason, metric=metric, differences=differences, against_bundle_id=against_bundle_id)

    if not len(candidate_Q):
        return said(False, "There is no question to judge it by.")
    if not np.isfinite(candidate_Q).all():
        return said(False, f"Its {metric} is no finite number.")
    worse: list[str] = []
    for name, other_Q in others.items():
        if other_Q is None:
            continue
        if len(other_Q) != len(candidate_Q):
            raise DataRefused(f"{len(candidate_Q)} questions were put to the candidate, {len(other_Q)} to {name}")
        found = bootstrap(candidate_Q - other_Q, seed)
        differences[name] = (found.mean, found.low, found.high)
        if found.high < 0:
            worse.append(f"worse than {_CALLED[name]} by {-found.mean:.4f} {metric} (95 % between {-found.high:.4f} and {-found.low:.4f})")
    if worse:
        return said(False, f"It is {' and '.join(worse)}.")
    compared = " and ".join(f"{mean:+.4f} [{low:+.4f}, {high:+.4f}] to {_CALLED[name]}" for name, (mean, low, high) in differences.items())
    return said(True, f"It is not worse in {metric}: {compared}.")


_CALLED: Final = {"live": "the live model", "popularity": "popularity"}
