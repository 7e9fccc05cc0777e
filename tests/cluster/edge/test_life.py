"""A real edge from start to stop: what keeps it from starting, what it tells of itself, whom it stops serving."""

import asyncio
import shutil
import socket
import time
from pathlib import Path

from cluster.durable import open_store
from cluster.edge.registry import EDGES, EdgeStatus, live_edges
from cluster.edge.revocation import REVOKED_SESSIONS, revoked_row
from tests.cluster.edge.running import SEGMENT, RunningEdge, refusal
from tests.cluster.edge.until import until


def test_a_revoked_session_is_refused_within_seconds_and_others_play_on(own: RunningEdge) -> None:
    own.put_film("master.m3u8", b"#EXTM3U")
    ended, other = own.path("master.m3u8", "ended"), own.path("master.m3u8", "other")
    assert own.client.get(ended).status_code == 200

    async def revoke() -> None:
        store = await open_store(f"sqlite:{own.data / 'store'}", REVOKED_SESSIONS)
        await store.put([revoked_row("ended", time.time() + 3600, time.time())])
        await store.close()

    asyncio.run(revoke())
    took_s = until(lambda: own.client.get(ended).status_code == 403)
    assert took_s < 5  # a poll every 2 s, and what a busy machine adds
    assert own.client.get(other).status_code == 200
    own.stop()
    own.start()
    assert own.client.get(ended).status_code == 403  # also by the first request after a start


def test_an_edge_registers_itself_and_is_gone_when_it_stops(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT)
    own.client.get(path)
    own.client.get(path)

    def registered() -> list[EdgeStatus]:
        async def read() -> list[EdgeStatus]:
            store = await open_store(f"sqlite:{own.data / 'store'}", EDGES)
            try:
                return await live_edges(store)
            finally:
                await store.close()

        return asyncio.run(read())

    until(lambda: [edge.hits for edge in registered()] == [1])
    (edge,) = registered()
    assert (edge.url, edge.misses, edge.fill_bytes, edge.cache_bytes) == (own.url, 1, len(SEGMENT), len(SEGMENT))
    assert edge.disk_limit_bytes is not None
    assert edge.cache_bytes < edge.disk_limit_bytes
    assert edge.disk_free_bytes is not None
    assert 0 < edge.disk_free_bytes <= shutil.disk_usage(own.data).total
    assert edge.started_at_s < edge.seen_at_s <= time.time()
    own.stop()
    assert registered() == []


def test_it_stops_within_a_second_also_while_clients_read_and_leaves_the_port_free(own: RunningEdge) -> None:
    path = own.put_film("film.mp4", bytes(100_000_000))
    host, port = own.url.removeprefix("http://").split(":")
    with own.client.stream("GET", path) as answer:
        next(answer.iter_bytes(1000))
        started_s = time.monotonic()
        own.process.terminate()
        assert own.process.wait(20) == 0
        assert time.monotonic() - started_s < 3  # a second, and what a busy machine adds
    with socket.create_server((host, int(port))):
        pass
    assert (own.data / "edge.log").read_text() == ""


def test_a_port_in_use_is_one_clear_line(shared: RunningEdge, tmp_path: Path) -> None:
    port = shared.url.rpartition(":")[2]
    assert refusal(tmp_path, "--port", port) == (2, f"MATINEE_EDGE_PORT: 127.0.0.1:{port} cannot be listened on: Address already in use\n")


def test_a_cache_in_use_is_one_clear_line(shared: RunningEdge) -> None:
    assert refusal(shared.data, "--port", "0") == (2, f"MATINEE_EDGE_CACHE: another edge uses {shared.data / 'edge-cache'}\n")


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = tmp_path / "file" / "cache"
    assert refusal(tmp_path, "--port", "0", MATINEE_EDGE_CACHE=str(cache)) == (
        2,
        f"MATINEE_EDGE_CACHE: {cache} cannot be used: Not a directory\n",
    )


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    code, said = refusal(tmp_path, MATINEE_EDGE_CACHE_BYTES="many")
    assert (code, said.count("\n")) == (2, 1)
    assert "MATINEE_EDGE_CACHE_BYTES='many'" in said


def test_a_wrong_address_or_port_is_one_clear_line(tmp_path: Path) -> None:
    for option, value, setting in (("--host", "nowhere", "MATINEE_HOST"), ("--port", "70000", "MATINEE_EDGE_PORT")):
        code, said = refusal(tmp_path, option, value)
        assert (code, said.count("\n")) == (2, 1)
        assert setting in said
