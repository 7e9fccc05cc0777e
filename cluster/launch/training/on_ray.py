"""A Ray to train on: the cluster at RAY_ADDRESS, else one of this command's own that ends with it.

Main path: `connected` -> models/train.py. Where checkpoints lie follows from where objects do.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cluster.errors import Misconfigured, StoreUnavailable
from cluster.launch import joining
from cluster.launch.environment import ray_token
from cluster.settings import Settings

OBJECT_STORE_BYTES: Final = 512 * 2**20
START_TIMEOUT_S: Final = 300
"""Of workers, which take long to load PyTorch on a machine that has other things to do."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def storage(settings: Settings) -> str:
    """Return where checkpoints are kept: beside the objects in their bucket, else under MATINEE_DATA.

    Raises:
        StoreUnavailable: the folder cannot be made.
    """
    if settings.objects.startswith("s3:"):
        return f"{settings.objects.rstrip('/')}/training"
    folder = settings.data / "training"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be made: {error.strerror}") from error
    return str(folder)


@contextlib.contextmanager
def connected(settings: Settings, workers: int, *, gpu: bool) -> Iterator[None]:
    """Connect this process to Ray, and leave it again.

    Raises:
        Misconfigured: RAY_ADDRESS leads nowhere, or there are not as many cores or GPUs as workers.
        StartFailed: nothing answers there.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    if address:
        joining.require_address(address)
        if not settings.objects.startswith("s3:") and address != "auto":
            raise Misconfigured("MATINEE_OBJECTS must be s3://…: workers on other machines do not reach a folder of this one")
    os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(START_TIMEOUT_S)
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # else every worker is started through uv, in a copy of this directory
    if not address:
        _set_own(settings)
    # Short: names of sockets are put after it.
    folder = Path(tempfile.mkdtemp(prefix="matinee-"))
    import ray

    try:
        if address:
            ray.init(address=address, namespace="matinee", log_to_driver=False, logging_level=logging.ERROR)
        else:
            ray.init(
                address="local",
                namespace="matinee",
                num_cpus=max(cores(), workers),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
                _node_ip_address="127.0.0.1",
            )
        wanted = "GPU" if gpu else "CPU"
        there = ray.cluster_resources().get(wanted, 0.0)  # type: ignore[no-untyped-call]
        if there < workers:
            raise Misconfigured(f"{workers} workers need a {wanted} each, and there are {there:g}")
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _set_own(settings: Settings) -> None:
    """Say how a Ray of our own runs: behind the token of this installation, reached from this machine alone."""
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(ray_token(settings)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_worker_niceness": "0",  # workers make themselves nicer than what serves (models/train.py); Ray's own must not starve
        "RAY_worker_register_timeout_seconds": "180",
        "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # nobody takes this machine away, and the watcher is a process of 200 MB
    }
