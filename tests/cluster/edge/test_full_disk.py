"""A real edge on a small disk that it shares with the store: it leaves room, gives back what others need, and serves on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.edge.running import REPOSITORY, RunningEdge, StartEdge
from tests.cluster.edge.until import until

DISK_BYTES = 32 * 2**20
OBJECT_BYTES = 400_000
UNSHARE = ["unshare", "-Urm"]


def on_a_small_disk(start_edge: StartEdge, folder: Path, objects: dict[str, bytes]) -> RunningEdge:
    """Start an edge whose store and cache are on a tmpfs of DISK_BYTES, which only it sees."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    disk = folder / "disk"
    disk.mkdir()
    mounting = f'mount -t tmpfs -o size={DISK_BYTES} none "{disk}" && exec "$@"'
    edge = start_edge(
        within=[*UNSHARE, "sh", "-c", mounting, "sh"],
        MATINEE_STORE=f"sqlite:{disk / 'store'}",
        MATINEE_EDGE_CACHE=str(disk / "cache"),
    )
    for file, content in objects.items():
        edge.put_film(file, content)
    return edge


REVOKE = """
import asyncio, sys, time
from cluster.durable import open_store
from cluster.edge.revocation import REVOKED_SESSIONS, revoked_row

async def write():
    store = await open_store(sys.argv[1], REVOKED_SESSIONS)
    await store.put([revoked_row("ended", time.time() + 3600, time.time())])
    await store.close()

asyncio.run(write())
"""


def revoke(edge: RunningEdge) -> str:
    """Write to the store on the edge's disk, as services do; return what went wrong."""
    inside = ["nsenter", "-t", str(edge.process.pid), "-U", "-m", "--preserve-credentials"]
    command = [*inside, sys.executable, "-c", REVOKE, edge.environment["MATINEE_STORE"]]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60)
    return done.stderr


def disk_of(edge: RunningEdge) -> Path:
    """Return the edge's disk as this process sees it."""
    return Path(f"/proc/{edge.process.pid}/root{edge.data / 'disk'}")


def free_bytes(edge: RunningEdge) -> int:
    """Return what is free on the edge's disk."""
    found = os.statvfs(disk_of(edge))
    return found.f_bavail * found.f_frsize


def fill_up(edge: RunningEdge) -> Path:
    """Take all that is free on the edge's disk, and return the file that holds it."""
    path = disk_of(edge) / "ballast"
    with path.open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space left"):
        while True:
            ballast.write(bytes(2**16))
    return path


def test_the_cache_leaves_room_and_gives_back_what_the_store_needs(start_edge: StartEdge, tmp_path: Path) -> None:
    contents = {f"{number}.m4s": os.urandom(OBJECT_BYTES) for number in range(100)}  # more than the disk takes
    edge = on_a_small_disk(start_edge, tmp_path, contents)
    for _ in range(2):
        for file, content in contents.items():
            assert edge.client.get(edge.path(file)).content == content
    counters = edge.counters()
    assert counters["disk_errors"] == 0
    assert counters["cache_bytes"] > DISK_BYTES // 2
    assert free_bytes(edge) >= DISK_BYTES // 10
    assert revoke(edge) == ""
    fill_up(edge)
    until(lambda: free_bytes(edge) >= DISK_BYTES // 10)
    assert revoke(edge) == ""
    until(lambda: edge.client.get(edge.path("0.m4s", "ended")).status_code == 403)
    # What it gave back is fetched again, within what is free.
    for file, content in contents.items():
        assert edge.client.get(edge.path(file)).content == content
    assert free_bytes(edge) >= DISK_BYTES // 10
    assert edge.stop() == 0


def test_a_cache_that_fills_under_a_full_disk_corrupts_nothing(start_edge: StartEdge, tmp_path: Path) -> None:
    contents = {f"{number}.m4s": os.urandom(OBJECT_BYTES) for number in range(10)}
    edge = on_a_small_disk(start_edge, tmp_path, contents)
    ballast = fill_up(edge)
    for _ in range(2):
        for file, content in contents.items():
            assert edge.client.get(edge.path(file)).content == content
    counters = edge.counters()
    assert (counters["cache_bytes"], counters["passed"], counters["hits"]) == (0, 0, 10)  # from memory
    assert list((disk_of(edge) / "cache" / "fill").iterdir()) == []
    ballast.unlink()
    edge.put_film("later.m4s", b"x" * OBJECT_BYTES)
    assert edge.client.get(edge.path("later.m4s")).status_code == 200
    edge.counted(cache_bytes=OBJECT_BYTES)
    assert edge.stop() == 0
