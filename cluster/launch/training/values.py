"""What a page's rows are worth, from the log's impressions, for a model that is being trained.

Main path: `row_values` -> the cards that were seen, of all kinds of rows -> models.value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.durable import open_log
from cluster.settings import Settings

if TYPE_CHECKING:
    from models.data import Interactions
    from models.off_policy import Impressions
    from models.row_values import RowValues


def row_values(settings: Settings, watched: Interactions, line: Callable[[str], None]) -> RowValues | None:
    """Return what rows are worth; None, and `line` hears why, where the log tells too little: rules order the rows then.

    Raises:
        StoreUnavailable: the log does not answer.
    """
    from models.errors import DataRefused
    from models.value import learn

    try:
        values, gain = learn(watched, asyncio.run(_seen(settings, line)))
    except DataRefused as error:
        line(f"rows stay ordered by rules: {error}")
        return None
    line(f"rows are ordered by what was played on pages: log likelihood a user {gain} above that of places alone")
    return values


async def _seen(settings: Settings, line: Callable[[str], None]) -> Impressions:
    from cluster.launch.training.impressions import read_impressions
    from models.row_values import KINDS

    log = await open_log(settings.log, kept_s=settings.kept_s)
    try:
        return await read_impressions(log, frozenset(KINDS), tell=line)
    finally:
        await log.close()
