"""The disk cache: whole objects only, within its limit, over restarts."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.edge.cache import GRACE_S, IDLE_S
from cluster.errors import Misconfigured, OriginUnavailable, StorageFull
from tests.cluster.edge.caches import LIMIT_BYTES, Clock, content_of, files, in_chunks, opened, store


def test_a_stored_object_is_found_whole_also_after_a_restart(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    store(cache, "media/a/1.m4s", b"x" * 500)
    store(cache, "media/a/empty.vtt", b"")
    cache.close()
    again = opened(tmp_path)
    for each in (cache, again):
        assert content_of(each, "media/a/1.m4s") == b"x" * 500
        assert content_of(each, "media/a/empty.vtt") == b""
        assert each.find("media/a/2.m4s") is None
        assert (each.held_bytes, len(each)) == (500, 2)


def test_the_least_recently_used_leaves_first(tmp_path: Path) -> None:
    clock = Clock()
    cache = opened(tmp_path, clock)
    for name in "abcd":
        store(cache, name, name.encode() * 250)
    clock.now_s += GRACE_S
    assert cache.find("a")
    store(cache, "e", b"e" * 250)
    assert [name for name in "abcde" if cache.find(name)] == ["a", "c", "d", "e"]
    assert len(files(tmp_path)) == 4


def test_the_order_of_use_survives_a_restart(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    for number, name in enumerate("abcd"):
        store(cache, name, b"x" * 250)
        found = cache.find(name)
        assert found
        os.utime(found.path, (number, number))
    cache.close()
    clock = Clock()
    cache = opened(tmp_path, clock)
    assert cache.find("a")  # the first use after the start is marked on the disk
    cache.close()
    cache = opened(tmp_path)
    store(cache, "e", b"x" * 250)
    assert [name for name in "abcde" if cache.find(name)] == ["a", "c", "d", "e"]


def test_what_was_just_served_is_not_evicted(tmp_path: Path) -> None:
    clock = Clock()
    cache = opened(tmp_path, clock)
    store(cache, "a", b"x" * 600)
    clock.now_s += GRACE_S - 0.1
    with pytest.raises(StorageFull):
        store(cache, "b", b"y" * 600)
    assert content_of(cache, "a") == b"x" * 600
    clock.now_s += GRACE_S
    store(cache, "b", b"y" * 600)
    assert cache.find("a") is None


def test_a_reader_keeps_an_evicted_file(tmp_path: Path) -> None:
    clock = Clock()
    cache = opened(tmp_path, clock)
    store(cache, "a", b"x" * 600)
    found = cache.find("a")
    assert found
    with Path(found.path).open("rb") as reader:
        clock.now_s += GRACE_S
        store(cache, "b", b"y" * 600)
        assert not Path(found.path).exists()
        assert reader.read() == b"x" * 600


@pytest.mark.parametrize("sent_bytes", [0, 299, 301])
def test_an_object_of_another_size_than_announced_is_not_kept(tmp_path: Path, sent_bytes: int) -> None:
    cache = opened(tmp_path)
    with pytest.raises(OriginUnavailable):
        asyncio.run(cache.store("a", 300, in_chunks(b"x" * sent_bytes)))
    assert cache.find("a") is None
    assert files(tmp_path) == []
    store(cache, "b", b"y" * LIMIT_BYTES)  # its room was given back


@pytest.mark.parametrize("error", [OriginUnavailable(), OSError(28, "No space left on device")])
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    cache = opened(tmp_path)
    with pytest.raises(type(error)):
        asyncio.run(cache.store("a", 300, in_chunks(b"x" * 100, error)))
    assert files(tmp_path) == []
    store(cache, "b", b"y" * LIMIT_BYTES)


def test_a_cancelled_write_leaves_nothing(tmp_path: Path) -> None:
    cache = opened(tmp_path)

    async def cancelled() -> None:
        begun = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x"
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(cache.store("a", 300, endless()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert files(tmp_path) == []
    store(cache, "b", b"y" * LIMIT_BYTES)


@pytest.mark.parametrize("damage", ["cut", "grown", "gone"])
def test_a_damaged_file_is_not_served(tmp_path: Path, damage: str) -> None:
    cache = opened(tmp_path)
    store(cache, "a", b"x" * 300)
    found = cache.find("a")
    assert found
    path = Path(found.path)
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, 299 if damage == "cut" else 301)
    assert cache.find("a") is None
    assert cache.held_bytes == 0
    store(cache, "a", b"x" * 300)
    assert content_of(cache, "a") == b"x" * 300


def test_what_a_killed_edge_left_is_cleared_and_never_served(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    store(cache, "a", b"x" * 300)
    store(cache, "b", b"y" * 300)
    (tmp_path / "fill" / "17.part").write_bytes(b"half")
    damaged = cache.find("b")
    assert damaged
    os.truncate(damaged.path, 10)
    cache.close()
    cache = opened(tmp_path)
    assert content_of(cache, "a") == b"x" * 300
    assert cache.find("b") is None
    assert len(files(tmp_path)) == 1


def test_files_that_are_not_the_caches_are_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    foreign = [tmp_path / "fill" / "notes.txt", tmp_path / "objects" / "ab" / "holiday.mp4", tmp_path / "letter"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    cache = opened(tmp_path)
    assert all(path.exists() for path in foreign)
    assert len(cache) == 0


def test_a_lower_limit_holds_from_the_start(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    for name in "abcd":
        store(cache, name, b"x" * 250)
    cache.close()
    cache = opened(tmp_path, limit_bytes=500)
    assert cache.held_bytes == 500
    assert len(files(tmp_path)) == 2


def test_what_nobody_used_for_as_long_as_a_link_may_live_is_dropped_also_over_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    cache = opened(tmp_path, clock)
    for name in "abc":
        store(cache, name, b"x" * 250)
    clock.now_s += IDLE_S - 10
    assert cache.find("b")
    asyncio.run(cache.tend())
    assert len(cache) == 3
    clock.now_s += 11
    asyncio.run(cache.tend())
    assert [name for name in "abc" if cache.find(name)] == ["b"]
    assert (cache.held_bytes, len(files(tmp_path))) == (250, 1)
    cache.close()
    cache = opened(tmp_path, now_s=time.time() + IDLE_S + 10)
    assert len(cache) == 1
    asyncio.run(cache.tend())
    assert files(tmp_path) == []


def test_a_directory_has_one_edge(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    with pytest.raises(Misconfigured, match="another edge uses"):
        opened(tmp_path)
    cache.close()
    opened(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="file/cache cannot be used: Not a directory"):
        opened(tmp_path / "file" / "cache")


def test_an_edge_keeps_its_id(tmp_path: Path) -> None:
    cache = opened(tmp_path / "one")
    edge_id = cache.edge_id()
    cache.close()
    assert opened(tmp_path / "one").edge_id() == edge_id
    assert opened(tmp_path / "two").edge_id() != edge_id
