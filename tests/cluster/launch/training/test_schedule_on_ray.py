"""What the schedule begins on a Ray: a task that trains on the log's plays and makes the model live."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import open_log, open_store
from cluster.events import PLAYBACK
from cluster.launch.demo.audience import Watchable, begins_s, facts
from cluster.launch.training.learning import live_id
from cluster.launch.training.schedule import begin_on_ray, newest_s
from cluster.settings import Settings
from serve_apps.catalog.tables import SORT_PREFIX, TITLE, TITLES, partition_for
from tests.running import eventually

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

NOW_S = 1_800_000_000.0
TITLES_WATCHED = [Watchable(f"t{n:02}", f"p{n:02}", f"Title {n}", "film", 0, (("Comedy", "Drama")[n % 2],), 60.0) for n in range(12)]


@pytest.fixture(name="settings")
def watched(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path / "data")

    async def fill() -> None:
        titles, log = await open_store(settings.store, TITLES), await open_log(settings.log)
        for title in TITLES_WATCHED:
            await titles.put_if_absent(partition_for(title.title_id), SORT_PREFIX + title.title_id, TITLE, {})
        for events in facts(TITLES_WATCHED, begins_s(NOW_S), 60):
            await log.append(PLAYBACK, events)
        await titles.close()
        await log.close()

    asyncio.run(fill())
    return settings


def test_a_training_ends_with_a_live_model_or_with_the_reason_why_not(ray_cluster: Any, settings: Settings) -> None:
    assert asyncio.run(newest_s(settings)) is None
    ended = begin_on_ray(settings, incremental=False)
    told = eventually(ended, timeout_s=400)
    live = asyncio.run(live_id(settings))
    assert live is not None and told.startswith(f"model {live} is live."), told
    assert asyncio.run(newest_s(settings)) is not None
    told = eventually(begin_on_ray(settings, incremental=True), timeout_s=400)
    assert told.startswith("no model was made: nothing to learn from was watched since "), told
