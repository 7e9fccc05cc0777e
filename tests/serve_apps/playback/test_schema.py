from __future__ import annotations

import asyncio
from pathlib import Path

from serve_apps.playback.routes import PREFIX
from tests.clock import Clock
from tests.serve_apps.playback.world import open_world, token
from tests.serve_apps.schema_check import check_api


def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    async def scene() -> None:
        async with open_world(tmp_path, Clock()) as world:
            assert await check_api(world.app, PREFIX, token(), examples=8) > 50
            started = (await world.start()).json()["session_id"]
            known = {"account_id": ["account"], "session_id": [started], "title_id": ["series", "film"]}
            operator = token(account="house", roles=("operator",))
            assert await check_api(world.app, PREFIX, operator, examples=4, known=known) > 30
            assert await check_api(world.app, PREFIX, None, examples=1) > 5

    asyncio.run(scene())
