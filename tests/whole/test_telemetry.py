"""What a profile saw reaches the log beside everything else."""

from __future__ import annotations

from pathlib import Path

from cluster.durable import open_log
from cluster.events import TELEMETRY
from serve_apps.telemetry.routes import PREFIX
from tests.serve_apps.telemetry.told import impression
from tests.whole import people
from tests.whole.composition import running


def test_impressions_of_a_viewer_are_in_the_log_under_the_profile_alone(tmp_path: Path) -> None:
    with running(tmp_path) as whole:

        async def scenario() -> None:
            viewer = await people.viewer(whole)
            profile_id = str(viewer.tokens["profile_id"])
            answer = await whole.ask("POST", f"{PREFIX}/events", viewer, json={"events": [impression("e1"), impression("e2")]})
            assert (answer.status_code, answer.json()) == (202, {"taken": 2})
            log = await open_log(whole.settings.log)
            try:
                found = [entry.event for each in range(TELEMETRY.partitions) for entry in await log.read(TELEMETRY, each, 0)]
            finally:
                await log.close()
            assert [event.key for event in found] == [f"{profile_id}/e1", f"{profile_id}/e2"]
            assert viewer.account_id not in str(found)
            assert viewer.device_id not in str(found)

        whole.run(scenario())
