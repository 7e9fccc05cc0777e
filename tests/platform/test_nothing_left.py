"""`matinee down` leaves nothing, and others alone. After the tests of models: what ends here has an encoder too."""

from __future__ import annotations

import os

import pytest

from tests.platform.ends import everything, no_temporary_files, require_nothing_left
from tests.running import Platform

pytestmark = pytest.mark.ray


def test_down_leaves_no_process_no_port_and_another_ray_alone(upright: Platform, platform: Platform) -> None:
    idle = {process.pid for process in platform.processes("ray::IDLE")}  # they come and go by themselves
    others = [process for process in everything(platform) if process.pid not in idle]
    mine = everything(upright)
    run_dir = upright.state.run_dir
    assert upright.command("scale", "playback", "3").returncode == 0
    with no_temporary_files():
        upright.down()
    require_nothing_left(upright, mine)
    assert not os.path.exists(run_dir)  # noqa: PTH110
    assert [process for process in others if not process.alive] == []
    assert platform.command("status").returncode == 0
    upright.down()  # once more changes nothing
