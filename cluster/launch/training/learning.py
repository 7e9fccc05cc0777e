"""A model from what was watched, live if the gate lets it: what the demo does once, and the schedule again and again.

Main path: `learn` -> the log's plays -> a candidate, trained in this process -> promotion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cluster.launch import promotion
from cluster.launch.training import data
from cluster.settings import Settings
from serve_apps.recommendations.bundles.entry import ModelEntry
from serve_apps.recommendations.bundles.registry import open_registry

SPLIT: Final = "leave-one-out"
LEAST: Final = 19
"""The niceness of who learns beside what serves: whoever watches a film on this machine goes first."""


def learn(settings: Settings, line: Callable[[str], None], *, incremental: bool = False) -> ModelEntry:
    """Train, and promote what the gate accepts; `line` hears how that goes. Returns the model as it is then.

    An incremental training goes on from the live model; where none is live it begins one.

    Raises:
        InvalidInput: there is too little to learn from.
        ModelRefused, ModelNotPromotable: it became no model that may be live, or another one became live meanwhile.
        Misconfigured: this install has no PyTorch.
        StoreUnavailable: the log or the store does not answer.
    """
    data.require_torch()
    from cluster.launch.training.candidates import How, make, make_from_live, read_known
    from models import lineup

    with data.refusals():
        found = data.interactions(settings, data.LOG, None, line)
        split = data.split(found, SPLIT)
        line(str(split))
        fitting, known = lineup.fitting_parameters(len(split.train.histories.item_N)), read_known(settings, found, line)
        if incremental and asyncio.run(live_id(settings)) is not None:
            entry = make_from_live(settings, found, SPLIT, fitting, line, known)
        else:
            entry = make(settings, split, lineup.SEQUENCE_PARAMETERS, fitting, How(workers=0), line, known)
    return asyncio.run(_promoted(settings, entry)) if entry.verdict.accepted else entry


async def _promoted(settings: Settings, entry: ModelEntry) -> ModelEntry:
    registry = await open_registry(settings)
    try:
        return await promotion.promote(registry, settings, entry.bundle_id)
    finally:
        await registry.close()


async def live_id(settings: Settings) -> str | None:
    """Return which model is live, if any."""
    registry = await open_registry(settings)
    try:
        return await registry.live_id()
    finally:
        await registry.close()
