"""The scale settings that operators made, kept over restarts."""

from __future__ import annotations

from typing import Final

import msgspec

from cluster.durable import Store, Value
from cluster.errors import Overloaded, VersionConflict
from serve_apps.operations.policy import ScaleRange

PARTITION: Final = "scales"
KIND: Final = "scale"
ATTEMPTS: Final = 5


async def kept_scales(store: Store) -> dict[str, ScaleRange]:
    """Return every kept setting by application."""
    return {row.sort: msgspec.convert(row.value, ScaleRange) for row in await store.scan(PARTITION)}


async def keep_scale(store: Store, application: str, scale: ScaleRange) -> None:
    """Keep a setting; the last writer wins."""
    value: Value = msgspec.to_builtins(scale)
    for _ in range(ATTEMPTS):
        row = await store.get(PARTITION, application)
        try:
            if row is None:
                await store.put_if_absent(PARTITION, application, KIND, value)
            else:
                await store.compare_and_set(row, value)
        except VersionConflict:
            continue  # another operator was faster: look again
        return
    raise Overloaded(f"The scale of {application} is being changed by others")
