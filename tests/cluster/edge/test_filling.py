"""A real edge and its cache: one fetch an object, whole files only, whatever the disk, the clients and kill -9 do."""

import asyncio
import contextlib
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.cluster.edge.running import SEGMENT, RunningEdge, StartEdge
from tests.cluster.edge.until import until


def test_the_first_request_fills_and_the_next_hits(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT)
    for _ in range(3):
        answer = own.client.get(path)
        assert (answer.status_code, answer.content) == (200, SEGMENT)
    own.counted(misses=1, hits=2, fills=1, fill_bytes=len(SEGMENT), cache_bytes=len(SEGMENT), cache_objects=1)


def test_another_session_hits_what_the_first_filled(own: RunningEdge) -> None:
    own.put_film("v720/00001.m4s", SEGMENT)
    for session in ("one", "two"):
        assert own.client.get(own.path("v720/00001.m4s", session)).status_code == 200
    own.counted(hits=1, fills=1)


def test_fifty_who_ask_at_once_are_one_fetch(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT * 2)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=own.url, timeout=30, limits=httpx.Limits(max_connections=50)) as client:
            return await asyncio.gather(*(client.get(path) for _ in range(50)))

    answers = asyncio.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.content == SEGMENT * 2 for answer in answers)
    counters = own.counters()
    assert (counters["fills"], counters["hits"] + counters["misses"]) == (1, 50)


def test_a_hundred_who_ask_at_once_are_one_fetch_also_where_the_disk_takes_nothing(start_edge: StartEdge) -> None:
    edge = start_edge(MATINEE_EDGE_CACHE_BYTES=str(2**20))
    content = os.urandom(2_000_000)
    path = edge.put_film("v720/00001.m4s", content)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=edge.url, timeout=30, limits=httpx.Limits(max_connections=100)) as client:
            return await asyncio.gather(*(client.get(path) for _ in range(100)))

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200] * 100
    assert all(answer.content == content for answer in answers)
    assert edge.client.get(path, headers={"Range": "bytes=1000-1999"}).content == content[1000:2000]
    edge.counted(fills=1, passed=0, overloaded=0, cache_bytes=0, memory_bytes=len(content))
    assert edge.stop() == 0


def test_objects_too_large_for_memory_too_are_passed_through_whole_and_in_ranges_by_a_fetch_each(start_edge: StartEdge) -> None:
    edge = start_edge(MATINEE_EDGE_CACHE_BYTES=str(2**20))
    content = os.urandom(10_000_000)
    path = edge.put_film("film.mp4", content)
    assert edge.client.get(path).content == content
    for first, last in ((0, 0), (1000, 2_000_000), (9_999_999, 9_999_999)):
        answer = edge.client.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert (answer.status_code, answer.content) == (206, content[first : last + 1])
    edge.counted(cache_bytes=0, passed=4, cut=0, passing=0, fills=1)  # the size is learnt once
    assert edge.stop() == 0


def test_a_client_that_leaves_a_passed_answer_frees_its_place(start_edge: StartEdge) -> None:
    edge = start_edge(MATINEE_EDGE_CACHE_BYTES=str(2**20))
    path = edge.put_film("film.mp4", bytes(50_000_000))
    with edge.client.stream("GET", path) as answer:
        next(answer.iter_bytes(1000))
    edge.counted(passed=1, cut=1, passing=0)
    assert edge.stop() == 0


def test_the_cache_never_holds_more_than_its_limit_and_every_answer_is_right(start_edge: StartEdge, tmp_path: Path) -> None:
    edge = start_edge(MATINEE_EDGE_CACHE_BYTES=str(2**20))
    contents = {f"{number}.m4s": os.urandom(120_000) for number in range(20)}
    paths = {file: edge.put_film(file, content) for file, content in contents.items()}
    for _ in range(2):
        for file, path in paths.items():
            assert edge.client.get(path).content == contents[file]
            assert edge.counters()["cache_bytes"] <= 2**20
    held = sum(file.stat().st_size for file in (tmp_path / "edge-cache").rglob("*-120000"))
    assert 0 < held <= 2**20
    assert edge.stop() == 0


def test_a_restart_keeps_the_cache_and_the_id(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT)
    own.client.get(path)
    edge_id = own.counters()["edge_id"]
    assert own.stop() == 0
    shutil.rmtree(own.data / "objects")
    own.start()
    assert own.client.get(path).content == SEGMENT
    own.counted(hits=1, misses=0)
    assert own.counters()["edge_id"] == edge_id


@pytest.mark.parametrize("time_killed", [1, 2])
def test_an_edge_killed_while_it_fills_serves_no_broken_file_afterwards(own: RunningEdge, time_killed: int) -> None:
    contents = {f"{number}.m4s": os.urandom(2_000_000) for number in range(30)}
    paths = {file: own.put_film(file, content) for file, content in contents.items()}

    def ask(path: str) -> None:
        with contextlib.suppress(httpx.HTTPError):  # the edge is killed meanwhile
            httpx.get(own.url + path, timeout=5)

    asking = [threading.Thread(target=ask, args=(path,)) for path in paths.values()]
    for thread in asking:
        thread.start()
    until(lambda: len(list((own.data / "edge-cache" / "objects").glob("*/*"))) >= 3 * time_killed)
    own.kill()
    for thread in asking:
        thread.join()
    own.start()
    assert list((own.data / "edge-cache" / "fill").iterdir()) == []
    for file, path in paths.items():
        assert own.client.get(path).content == contents[file]
    assert own.counters()["hits"] >= 3 * time_killed


def test_a_file_damaged_on_the_disk_is_fetched_again(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT)
    own.client.get(path)
    (held,) = (own.data / "edge-cache" / "objects").glob("*/*")
    os.truncate(held, 100)
    assert own.client.get(path).content == SEGMENT
    own.counted(damaged=1, fills=2)


def test_a_disk_that_takes_no_more_is_served_past(start_edge: StartEdge, tmp_path: Path) -> None:
    edge = start_edge(within=["prlimit", f"--fsize={2**20}"])  # the kernel refuses to write beyond
    small, large = edge.put_film("small.m4s", SEGMENT[:1000]), edge.put_film("large.m4s", SEGMENT * 3)
    for _ in range(2):
        assert edge.client.get(large).content == SEGMENT * 3
    edge.counted(disk_errors=1, passed=2, cache_bytes=0, memory_bytes=0)
    assert edge.client.get(small).content == SEGMENT[:1000]
    assert list((tmp_path / "edge-cache" / "fill").iterdir()) == []
    assert edge.stop() == 0


def stalled(edge: RunningEdge, path: str) -> socket.socket:
    """Return a connection on which an answer has begun, and whose client takes no more."""
    host, port = edge.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), 10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def test_clients_that_stall_are_cut_and_leave_their_connections_to_others(start_edge: StartEdge) -> None:
    edge = start_edge(constants={"cluster.edge.server.CONNECTIONS_LIMIT": 8, "cluster.edge.server.STALL_S": 1.0})
    path = edge.put_film("film.mp4", SEGMENT * 20)
    with contextlib.ExitStack() as connections:
        for _ in range(8):
            connections.enter_context(stalled(edge, path))
        assert httpx.get(f"{edge.url}/health", timeout=20).status_code == 200
    assert edge.stop() == 0


def test_a_client_too_slow_for_memory_is_cut_and_the_memory_comes_back(start_edge: StartEdge) -> None:
    edge = start_edge(MATINEE_EDGE_CACHE_BYTES=str(2**20), constants={"cluster.edge.memory.GRACE_S": 0.5})
    content = os.urandom(8_000_000)
    path = edge.put_film("v1080/00001.m4s", content)
    with stalled(edge, path) as slow:
        edge.counted(memory_bytes=0)
        received = b"".join(iter(lambda: slow.recv(2**20), b""))
    assert len(received) < len(content)
    assert edge.client.get(path).content == content
    assert edge.stop() == 0


def test_slow_clients_do_not_hold_up_others(own: RunningEdge) -> None:
    path = own.put_film("v720/00001.m4s", SEGMENT * 20)
    assert own.client.get(path).status_code == 200
    with contextlib.ExitStack() as connections:
        for _ in range(200):
            connections.enter_context(stalled(own, path))
        started_s = time.monotonic()
        assert own.client.get(path).content == SEGMENT * 20
        assert time.monotonic() - started_s < 5
