"""A play is on the home page a moment later: through the outbox, the log and a processor, with nobody training anything."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from actors.processors import PROFILES, LogProcessor
from actors.processors.kept import PROCESSED
from cluster.durable import open_log, open_store
from cluster.durable.outbox import HINTS
from serve_apps.playback.routes import PREFIX as PLAYBACK
from serve_apps.recommendations.routes import PREFIX as HOME
from tests.serve_apps.studio.rig import until
from tests.whole import films, people
from tests.whole.composition import running

SEEN_WITHIN_S = 20.0
"""It takes a moment; a machine under load is no failure."""


def test_a_play_changes_home_before_any_place_is_known(tmp_path: Path) -> None:
    with running(tmp_path) as whole:

        async def scenario() -> None:
            operator, viewer = await people.operator(whole), await people.viewer(whole)
            made = [await films.publish_film(whole, operator, f"Crime {n}", maturity=0, genres=["Crime"]) for n in range(9)]
            ids = [await films.followed(whole, title_id) for title_id in made]

            async def because() -> list[str]:
                rows = (await whole.get(HOME, viewer))["rows"]
                return [item["title"]["title_id"] for row in rows if row["row_id"] == f"because-{ids[0]}" for item in row["items"]]

            processor = LogProcessor(
                PROFILES,
                partial(open_store, whole.settings.store, PROCESSED),
                partial(open_store, whole.settings.store, HINTS),
                partial(open_log, whole.settings.log),
            )
            working = [asyncio.create_task(whole.relay.run()), asyncio.create_task(processor.run())]
            try:
                assert await because() == []
                answer = await whole.ask("POST", f"{PLAYBACK}/sessions", viewer, json={"playable_id": ids[0]})
                assert answer.status_code == 201, answer.text
                await until(because, SEEN_WITHIN_S)
                found = await because()
                assert len(found) == 3
                assert set(found) < set(ids[1:])
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)
                await processor.close()

        whole.run(scenario())
