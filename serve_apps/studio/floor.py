"""What the jobs of one runner share: stores, catalogue, executor, encoders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.settings import Settings
from serve_apps.studio.blobs import Blobs
from serve_apps.studio.catalog_port import Catalog
from serve_apps.studio.executor import Executor, Slots
from serve_apps.studio.jobs import Jobs
from serve_apps.studio.uploads import Uploads
from serve_apps.studio.versions import Versions


@dataclass
class Floor:
    """All open."""

    settings: Settings
    jobs: Jobs
    uploads: Uploads
    blobs: Blobs
    versions: Versions
    catalog: Catalog
    executor: Executor
    slots: Slots
    epoch: int
    now_s: Callable[[], float] = time.time
    light: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    """For tasks that take no encoder."""
    artwork: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while artwork is announced, and while some is collected."""
