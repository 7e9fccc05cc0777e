"""A disk that is really full (a small file system): sign-up and heartbeats say so, lose nothing, and go on once there is space."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serve_apps.auth.routes import PREFIX as AUTH
from serve_apps.playback.routes import PREFIX as PLAYBACK
from tests.serve_apps.studio.rig import until
from tests.whole import films, people
from tests.whole.composition import opened

SIZE_BYTES = 48 << 20


def test_sign_up_and_heartbeats_on_a_full_disk_fail_clearly_and_go_on(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    script = f'mount -t tmpfs -o size={SIZE_BYTES} tmpfs "{tmp_path}" || exit 9; exec "{sys.executable}" -m {__name__} "{tmp_path}"'
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


async def fill_and_free(small: Path) -> None:
    async with opened(small / "data") as whole:
        operator = await people.operator(whole)
        film = await films.publish_film(whole, operator)
        viewer = await people.viewer(whole)
        session_id = await films.watch(whole, viewer, film, position_s=10)
        ballast = small / "ballast"
        with ballast.open("wb", buffering=0) as file:
            file.write(b"\0" * shutil.disk_usage(small).free)

        async def beat(sequence: int) -> int:
            body = {"sequence": sequence, "position_s": 10.0 + sequence}
            answer = await whole.ask("POST", f"{PLAYBACK}/sessions/{session_id}/heartbeats", viewer, json=body)
            assert answer.status_code in {200, 507}, answer.text
            if answer.status_code == 507:
                assert answer.json()["type"] == "urn:matinee:error:storage-full"
            return answer.status_code

        sequence = acknowledged = 1

        async def refused() -> bool:
            nonlocal sequence, acknowledged
            sequence += 1
            status = await beat(sequence)
            acknowledged = sequence if status == 200 else acknowledged
            return status == 507

        await until(refused)  # the write-ahead log has room for a while
        new = {"email": "late@example.org", "password": people.PASSWORD, "name": "Late"}

        async def told_at_sign_up() -> bool:
            answer = await whole.ask("POST", f"{AUTH}/accounts", json={**new, "email": f"late-{sequence}@example.org"})
            await refused()
            assert answer.status_code in {201, 507}, answer.text
            return answer.status_code == 507

        await until(told_at_sign_up)
        place = await whole.get(f"{PLAYBACK}/positions/{film}", viewer)
        assert place["position_s"] == 10.0 + acknowledged if acknowledged > 1 else place["position_s"] == 10
        ballast.unlink()

        async def goes_on() -> bool:
            answer = await whole.ask("POST", f"{AUTH}/accounts", json=new)
            return answer.status_code in {201, 409} and await beat(sequence + 1) == 200

        await until(goes_on)
        assert (await whole.get(f"{PLAYBACK}/positions/{film}", viewer))["position_s"] == 11.0 + sequence
    async with opened(small / "data") as again:  # nothing is damaged
        assert (await again.get(f"{PLAYBACK}/positions/{film}", await people.choose_profile(again, viewer)))[
            "position_s"
        ] == 11.0 + sequence


if __name__ == "__main__":
    asyncio.run(fill_and_free(Path(sys.argv[1])))
