"""Makes a candidate of what was watched: trained here or on Ray, judged beside the live model, kept in the registry.

Main path: `make` (or `make_from_live`) -> the live bundle -> `train_bundle` -> `ModelRegistry.add`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import msgspec

from cluster.errors import ModelNotFound, ModelRefused, StartFailed
from cluster.ids import new_id
from cluster.launch.training import data, on_ray
from cluster.launch.training.contents import contents
from cluster.launch.training.telling import Telling, tell
from cluster.launch.training.values import row_values
from cluster.settings import Settings
from serve_apps.recommendations.bundles.entry import ModelEntry
from serve_apps.recommendations.bundles.registry import open_registry

if TYPE_CHECKING:
    from models.about import Verdict
    from models.bundle import Bundle
    from models.candidate import Fit
    from models.data import Interactions, Split
    from models.features import Content
    from models.fitting import FittingParameters, SequenceRecommender
    from models.row_values import RowValues
    from models.sequence import SequenceParameters


class How(msgspec.Struct, frozen=True):
    """Where a model is trained."""

    workers: int = 1
    """0: in this process, without Ray."""
    gpu: bool = False
    run: str | None = None
    """What it is called, so that it can be gone on with; None: after its data and parameters."""
    mixed: bool | None = None
    """See models.candidate.Making."""


class Known(msgspec.Struct, frozen=True):
    """What the platform knows beside what was watched."""

    row_values: RowValues | None = None
    contents: Mapping[str, Content] = {}


NOTHING_KNOWN: Final = Known()


def read_known(settings: Settings, found: Interactions, line: Callable[[str], None]) -> Known:
    """Return what the log's impressions and the catalogue tell.

    Raises:
        StoreUnavailable: the log or the store does not answer.
    """
    return Known(row_values(settings, found, line), contents(settings))


def make(
    settings: Settings,
    split: Split,
    parameters: SequenceParameters,
    fitting: FittingParameters,
    how: How,
    line: Callable[[str], None] = tell,
    known: Known = NOTHING_KNOWN,
) -> ModelEntry:
    """Train a candidate and keep it with its verdict; `line` hears how that goes.

    Raises:
        DataRefused: the split asks nothing, or the run is of other data.
        StartFailed: workers cannot be started, or were lost too often.
    """
    from models.bundle import encode
    from models.candidate import Making, train_bundle

    live = asyncio.run(_live(settings))
    making = Making(new_id(), time.time(), _code_version(), known.row_values, known.contents, line, how.mixed)
    bundle, verdict = train_bundle(split, parameters, fitting, making, live=live, fit=_fit(settings, how, line))
    return asyncio.run(_add(settings, encode(bundle), verdict))


def make_from_live(
    settings: Settings,
    found: Interactions,
    split_name: str,
    fitting: FittingParameters,
    line: Callable[[str], None] = tell,
    known: Known = NOTHING_KNOWN,
    *,
    mixed: bool | None = None,
) -> ModelEntry:
    """Go on with the live model in this process, and keep what comes of it as a candidate; `fitting` is how a new one is trained.

    Raises:
        ModelNotFound: no model is live.
        ModelRefused: the live one cannot be read.
        DataRefused: nothing was watched since its data ended, or nothing that it knows, or the split asks nothing.
    """
    from models import incremental
    from models.bundle import encode
    from models.candidate import Making, train_bundle
    from models.sequence import SequenceParameters

    live = asyncio.run(_live_one(settings))
    split = data.split(incremental.grown(found, live.item_ids), split_name)
    line(f"going on from {live.about.bundle_id}: {split}")
    fitting = incremental.fitting_parameters(fitting)

    def on(split: Split, _: SequenceParameters, fitting: FittingParameters) -> SequenceRecommender:
        return incremental.go_on(live, split, fitting, Telling(fitting, line).epoch)

    making = Making(new_id(), time.time(), _code_version(), known.row_values, known.contents, line, mixed)
    bundle, verdict = train_bundle(split, SequenceParameters(**live.about.parameters), fitting, making, live=live, fit=on)
    return asyncio.run(_add(settings, encode(bundle), verdict))


def _fit(settings: Settings, how: How, line: Callable[[str], None]) -> Fit:
    from models.fitting import SequenceRecommender

    def here(split: Split, parameters: SequenceParameters, fitting: FittingParameters) -> SequenceRecommender:
        recommender = SequenceRecommender(parameters, fitting, Telling(fitting, line).epoch)
        recommender.fit(split.train, split.validation)
        return recommender

    def on_workers(split: Split, parameters: SequenceParameters, fitting: FittingParameters) -> SequenceRecommender:
        with on_ray.connected(settings, how.workers, gpu=how.gpu):
            from models.errors import TrainingLost
            from models.train import Run, forget, train

            threads = max(1, on_ray.cores() // how.workers)
            name = how.run or _run_name(split, parameters, fitting)
            run = Run(name, on_ray.storage(settings), how.workers, how.gpu, threads)
            line(f"training {name} on Ray, {how.workers} workers; checkpoints in {run.storage}")
            try:
                found = train(split, parameters, fitting, run, Telling(fitting, line).epoch, line)
            except TrainingLost as error:
                raise StartFailed(str(error)) from error
            forget(run)
            return found

    return on_workers if how.workers else here


def _run_name(split: Split, parameters: SequenceParameters, fitting: FittingParameters) -> str:
    """Name a run after what it is of: the same command, given again, goes on."""
    told = json.dumps([dataclasses.asdict(parameters), dataclasses.asdict(fitting)], sort_keys=True)
    return f"{split.hash}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


async def _live(settings: Settings) -> Bundle | None:
    registry = await open_registry(settings)
    try:
        live = await registry.live_id()
        return await registry.fetch(live) if live else None
    except (ModelNotFound, ModelRefused) as error:
        tell(f"the live model cannot be judged beside this one: {error.detail}")
        return None
    finally:
        await registry.close()


async def _live_one(settings: Settings) -> Bundle:
    registry = await open_registry(settings)
    try:
        live = await registry.live_id()
        if live is None:
            raise ModelNotFound("No model is live that could be gone on with: train one, and promote it")
        return await registry.fetch(live)
    finally:
        await registry.close()


async def _add(settings: Settings, bundle: bytes, verdict: Verdict) -> ModelEntry:
    registry = await open_registry(settings)
    try:
        return await registry.add(bundle, verdict)
    finally:
        await registry.close()


def _code_version() -> str:
    try:
        return version("matinee")
    except PackageNotFoundError:
        return "unknown"
