"""What only the embedded store can meet: forks, one writer a file, full disks, damaged files."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.durable import Insert, Mode, Row, Table, open_log, open_store
from cluster.durable.sqlite import database, writer
from cluster.durable.sqlite.database import SCHEMA_VERSION, Database
from cluster.durable.sqlite.store import SqliteStore
from cluster.errors import (
    CorruptData,
    Indeterminate,
    InvalidInput,
    Misconfigured,
    Overloaded,
    StorageFull,
    StoreUnavailable,
    VersionConflict,
)
from tests.clock import Clock
from tests.contracts.writing import TABLE

PLAIN = Table("places", Mode.PLAIN, group="tests")


@contextlib.asynccontextmanager
async def opened(folder: Path, table: Table = TABLE, clock: Clock | None = None) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(folder, table, clock or Clock())
    try:
        yield store
    finally:
        await store.close()


async def everything(store: SqliteStore, partition: str = "p") -> list[Row]:
    rows: list[Row] = []
    while page := await store.scan(partition, after=rows[-1].sort if rows else None, limit=1000):
        rows += page
    return rows


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's write lock, as another program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def in_fork(work: Callable[[], None]) -> None:
    """Run `work` in a fork of this process; it must not raise."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


# --- forks


def test_a_store_that_crossed_a_fork_refuses_and_a_new_one_works(tmp_path: Path) -> None:
    async def in_child(inherited: SqliteStore) -> None:
        for attempt in (inherited.get("p", "s"), inherited.put_if_absent("p", "t", "kind", {})):
            with pytest.raises(StoreUnavailable):
                await attempt
        async with opened(tmp_path) as store:
            await store.put_if_absent("p", "child", "kind", {})

    runner = asyncio.Runner()
    store = runner.run(SqliteStore.open(tmp_path, TABLE))
    runner.run(store.put_if_absent("p", "s", "kind", {}))
    in_fork(lambda: asyncio.new_event_loop().run_until_complete(in_child(store)))
    assert [row.sort for row in runner.run(everything(store))] == ["child", "s"]
    runner.run(store.put_if_absent("p", "parent", "kind", {}))
    runner.run(store.close())
    runner.close()


# --- one writer a file


def test_all_that_waits_is_committed_together(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            await store.put_if_absent("p", "first", "kind", {})
            before = _commits(tmp_path)
            with locked(tmp_path / "tests.sqlite3"):
                writes = [asyncio.ensure_future(store.put_if_absent("p", f"s{number}", "kind", {})) for number in range(200)]
                await asyncio.wait(writes, timeout=0.05)
                assert not any(write.done() for write in writes)
            await asyncio.gather(*writes)
            assert _commits(tmp_path) - before <= 2

    asyncio.run(go())


def _commits(folder: Path) -> int:
    """Count the commit frames of the write-ahead log (their header's second word is not 0)."""
    frames = (folder / "tests.sqlite3-wal").read_bytes()[32:]
    return sum(1 for at in range(0, len(frames), 24 + 4096) if int.from_bytes(frames[at + 4 : at + 8], "big"))


def test_a_condition_that_fails_fails_only_its_own_caller(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            await store.put_if_absent("p", "taken", "kind", {})
            with locked(tmp_path / "tests.sqlite3"):
                attempts = [
                    store.batch("p", [Insert(f"s{number}", "kind", {}), Insert("taken" if number % 2 else f"t{number}", "kind", {})])
                    for number in range(20)
                ]
                waiting = asyncio.gather(*attempts, return_exceptions=True)
                await asyncio.wait([waiting], timeout=0.05)
            outcomes = await waiting
            assert [type(outcome) for outcome in outcomes] == [type(None), VersionConflict] * 10
            assert len(await everything(store)) == 1 + 20

    asyncio.run(go())


def test_an_operation_that_ends_the_transaction_fails_only_its_own_caller(tmp_path: Path) -> None:
    def ends_it(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO rows_acknowledged VALUES ('p', 'half', 1, 'kind', '{}', NULL)")
        connection.execute("this is no SQL")

    async def go() -> None:
        async with opened(tmp_path) as store:
            file = store._files[0]
            with locked(file.path):
                attempts = [store.put_if_absent("p", f"s{number}", "kind", {}) for number in range(5)]
                waiting = asyncio.gather(*attempts[:3], file.write(ends_it), *attempts[3:], return_exceptions=True)
                await asyncio.wait([waiting], timeout=0.05)
            outcomes = await waiting
            assert isinstance(outcomes.pop(3), StoreUnavailable)
            assert all(isinstance(outcome, Row) for outcome in outcomes)
            assert [row.sort for row in await everything(store)] == [f"s{number}" for number in range(5)]

    asyncio.run(go())


def test_a_full_queue_refuses_and_what_was_taken_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 50)

    async def go() -> None:
        async with opened(tmp_path) as store:
            with locked(tmp_path / "tests.sqlite3"):
                writes = asyncio.gather(
                    *(store.put_if_absent("p", f"s{number}", "kind", {}) for number in range(60)), return_exceptions=True
                )
                await asyncio.wait([writes], timeout=0.05)
            outcomes = await writes
            assert [type(outcome) for outcome in outcomes] == [Row] * 50 + [Overloaded] * 10
            assert len(await everything(store)) == 50

    asyncio.run(go())


def test_a_file_that_stays_locked_is_unavailable_and_nothing_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            monkeypatch.setattr(writer, "BUSY_DEADLINE_S", 0.1)
            with locked(tmp_path / "tests.sqlite3"), pytest.raises(StoreUnavailable) as caught:
                await store.put_if_absent("p", "s", "kind", {})
            assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
            monkeypatch.setattr(writer, "WRITE_DEADLINE_S", 0.1)
            monkeypatch.setattr(writer, "BUSY_DEADLINE_S", 10.0)
            with locked(tmp_path / "tests.sqlite3"), pytest.raises(StoreUnavailable):
                await store.put_if_absent("p", "s", "kind", {})
            monkeypatch.setattr(writer, "WRITE_DEADLINE_S", 10.0)
            await store.put_if_absent("p", "t", "kind", {})
            assert [row.sort for row in await everything(store)] == ["t"]

    asyncio.run(go())


def test_a_write_whose_deadline_passes_during_the_commit_is_indeterminate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WRITE_DEADLINE_S", 0.1)
    began, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        began.set()
        go_on.wait(10)
        connection.execute("INSERT INTO rows_acknowledged VALUES ('p', 'slow', 1, 'kind', '{}', NULL)")

    async def go() -> None:
        async with opened(tmp_path) as store:
            with pytest.raises(Indeterminate):
                await store._files[0].write(slow)
            assert began.is_set()
            go_on.set()
            monkeypatch.setattr(writer, "WRITE_DEADLINE_S", 10.0)
            await store.put_if_absent("p", "t", "kind", {})
            assert [row.sort for row in await everything(store)] == ["slow", "t"]

    asyncio.run(go())


def test_a_cancelled_write_that_still_waited_is_not_made(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            with locked(tmp_path / "tests.sqlite3"):
                write = asyncio.ensure_future(store.put_if_absent("p", "s", "kind", {}))
                await asyncio.wait([write], timeout=0.05)
                write.cancel()
                await asyncio.wait([write])
            await store.put_if_absent("p", "t", "kind", {})
            assert [row.sort for row in await everything(store)] == ["t"]

    asyncio.run(go())


def test_stores_of_a_process_share_one_writer_until_the_last_is_closed(tmp_path: Path) -> None:
    def threads() -> int:
        return sum(thread.name == "writer of tests.sqlite3" for thread in threading.enumerate())

    async def go() -> None:
        first = await SqliteStore.open(tmp_path, TABLE)
        second = await SqliteStore.open(tmp_path, TABLE)
        third = await SqliteStore.open(tmp_path, PLAIN)
        assert threads() == 1
        await first.close()
        await first.close()
        await third.close()
        await second.put_if_absent("p", "s", "kind", {})
        assert threads() == 1
        await second.close()
        assert threads() == 0
        assert not (tmp_path / "tests.sqlite3-wal").exists()

    asyncio.run(go())


def test_many_open_and_close_at_once(tmp_path: Path) -> None:
    async def use(number: int) -> None:
        async with opened(tmp_path) as store:
            await store.put_if_absent("p", f"s{number}", "kind", {})

    async def go() -> None:
        await asyncio.gather(*(use(number) for number in range(40)))
        async with opened(tmp_path) as store:
            assert len(await everything(store)) == 40

    asyncio.run(go())


def test_a_store_serves_several_event_loops(tmp_path: Path) -> None:
    store = asyncio.run(SqliteStore.open(tmp_path, TABLE))
    outcomes: list[Any] = []

    def work(number: int) -> None:
        outcomes.append(asyncio.run(store.put_if_absent("p", f"s{number}", "kind", {})))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.sort for row in outcomes) == ["s0", "s1", "s2", "s3"]
    asyncio.run(store.close())


# --- files


def test_partitions_spread_over_the_files_of_a_table(tmp_path: Path) -> None:
    table = Table("spread", Mode.PLAIN, group="tests", files=4)

    async def go() -> None:
        async with opened(tmp_path, table) as store:
            await store.put([Row(f"p{number}", "s", 1, "kind", {"n": number}) for number in range(100)])
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [f"tests-{number}.sqlite3" for number in range(4)]
        counts = []
        for name in names:
            with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
                counts.append(connection.execute("SELECT count(*) FROM rows_spread").fetchone()[0])
        assert sum(counts) == 100
        assert min(counts) > 10

    asyncio.run(go())


@pytest.mark.parametrize(("made", "opened_as"), [(1, 2), (2, 1), (2, 3), (4, 2)])
def test_a_table_is_not_opened_in_another_number_of_files(tmp_path: Path, made: int, opened_as: int) -> None:
    async def go() -> None:
        async with opened(tmp_path, Table("spread", Mode.PLAIN, "tests", made)):
            pass
        with pytest.raises(Misconfigured):
            await SqliteStore.open(tmp_path, Table("spread", Mode.PLAIN, "tests", opened_as))

    asyncio.run(go())


def test_expired_rows_and_old_tombstones_are_swept_in_steps(tmp_path: Path) -> None:
    clock = Clock()

    async def go() -> None:
        async with opened(tmp_path, PLAIN, clock) as store:
            rows = [Row("p", f"s{number:03d}", 1, "kind", {}, clock() + 10) for number in range(250)]
            await store.put([*rows, Row("p", "stays", 1, "kind", {}), Row("p", "removed", 1, "kind", {})])
            await store.remove("p", "removed", 2)
            assert await store.sweep() == 0
            clock.advance(10)
            assert [await store.sweep(), await store.sweep(), await store.sweep()] == [200, 50, 0]
            await store.put([Row("p", "removed", 1, "kind", {})])
            clock.advance(30 * 86400)
            assert await store.sweep() == 1
            assert [row.sort for row in await everything(store)] == ["stays"]

    asyncio.run(go())


def test_the_writer_sweeps_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHORE_INTERVAL_S", 0.01)
    clock = Clock()

    async def go() -> None:
        async with opened(tmp_path, PLAIN, clock) as store:
            await store.put([Row("p", "s", 1, "kind", {}, clock() + 10)])
            clock.advance(10)
            async with asyncio.timeout(5):
                while await store._files[0].read(lambda connection: connection.execute("SELECT count(*) FROM rows_places").fetchone()[0]):
                    pass

    asyncio.run(go())


def test_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path / "store"):
            await (await open_log(f"sqlite:{tmp_path}/log")).close()

    asyncio.run(go())
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("store", "log")] == [0o700, 0o700]


# --- what goes wrong


@pytest.fixture(params=["folder is a file", "file is a folder", "newer schema", "bad name"])
def unusable(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Table]:
    match request.param:
        case "folder is a file":
            (tmp_path / "store").write_text("")
            return tmp_path / "store", TABLE
        case "file is a folder":
            (tmp_path / "tests.sqlite3").mkdir()
            return tmp_path, TABLE
        case "newer schema":
            with contextlib.closing(sqlite3.connect(tmp_path / "tests.sqlite3")) as connection:
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
            return tmp_path, TABLE
        case _:
            return tmp_path, Table("no; name", Mode.PLAIN, group="tests")


def test_what_a_person_can_mend_is_misconfigured(unusable: tuple[Path, Table]) -> None:
    with pytest.raises(Misconfigured):
        asyncio.run(SqliteStore.open(*unusable))


def test_a_folder_and_a_file_that_may_not_be_written_are_misconfigured() -> None:
    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)  # root may write everything
        for folder in ("folder", "file"):
            with pytest.raises(Misconfigured):
                asyncio.new_event_loop().run_until_complete(SqliteStore.open(place / folder, TABLE))

    with tempfile.TemporaryDirectory() as name:  # not in tmp_path, which nobody but its owner may enter
        place = Path(name)
        (place / "folder").mkdir()
        (place / "file").mkdir()
        (place / "file" / "tests.sqlite3").touch()
        (place / "file" / "tests.sqlite3").chmod(0o444)
        (place / "folder").chmod(0o555)
        place.chmod(0o755)
        in_fork(as_nobody)


def test_no_store_for_a_url_is_misconfigured() -> None:
    with pytest.raises(Misconfigured):
        asyncio.run(open_store("punchcards:drawer", TABLE))


def test_a_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "tests.sqlite3").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(CorruptData) as caught:
        asyncio.run(SqliteStore.open(tmp_path, TABLE))
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert "tests.sqlite3" in caught.value.detail


def test_damaged_pages_and_values_are_corrupt_and_the_store_lives_on(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            await store.batch("p", [Insert(f"s{number:03d}", "kind", {"filler": "x" * 2000}) for number in range(100)])
        damaged = bytearray((tmp_path / "tests.sqlite3").read_bytes())
        damaged[8 * 4096 : -4096] = b"\xff" * (len(damaged) - 9 * 4096)
        (tmp_path / "tests.sqlite3").write_bytes(damaged)
        async with opened(tmp_path) as store:
            with pytest.raises(CorruptData):
                await everything(store)
        async with opened(tmp_path, Table("other", Mode.LINEAR, "elsewhere")) as store:
            await store.put_if_absent("p", "s", "kind", {})
            await store._files[0].write(lambda connection: connection.execute("UPDATE rows_other SET value = '{half'").rowcount)
            with pytest.raises(CorruptData):
                await store.get("p", "s")

    asyncio.run(go())


def test_a_full_file_fails_what_does_not_fit_and_keeps_the_rest(tmp_path: Path) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    async def go() -> None:
        async with opened(tmp_path) as store:
            await store._files[0].write(limit)
            attempts = [store.put_if_absent("p", f"s{number}", "kind", {"filler": "x" * 10_000}) for number in range(20)]
            outcomes = await asyncio.gather(*attempts, return_exceptions=True)
            kept = [outcome.sort for outcome in outcomes if isinstance(outcome, Row)]
            assert 0 < len(kept) < 20
            assert all(isinstance(outcome, StorageFull) for outcome in outcomes if not isinstance(outcome, Row))
            with pytest.raises(StorageFull):
                await store.put_if_absent("p", "more", "kind", {"filler": "x" * 100_000})
            assert [row.sort for row in await everything(store)] == sorted(kept)
            for row in await everything(store):
                await store.delete(row)
            await store.put_if_absent("p", "again", "kind", {"filler": "x" * 10_000})
        assert _integrity(tmp_path / "tests.sqlite3") == "ok"

    asyncio.run(go())


_CHECK = (
    "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
    ' print(connection.execute("PRAGMA integrity_check").fetchone()[0]);'
    ' print(connection.execute("SELECT count(*) FROM rows_acknowledged").fetchone()[0])'
)


# A commit whose sync alone failed: its records are in the file.
_SYNC = (
    "import pathlib, sqlite3, sys; from cluster.durable.sqlite.faults import translate; error = sqlite3.OperationalError();"
    " error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC; print(translate(error, pathlib.Path(sys.argv[1])).slug)"
)


def test_a_full_disk_is_storage_full_and_corrupts_nothing(tmp_path: Path) -> None:
    # A file system of 2 MiB in a mount namespace of its own, kept as long as the shell inside waits.
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    module = f"{sys.executable} -m tests.contracts.writing fill sqlite:{tmp_path}"
    check = f"{sys.executable} -c '{_CHECK}' {tmp_path}/tests.sqlite3"
    script = f"""
        mount -t tmpfs -o size=2m tmpfs {tmp_path} || exit 9
        {module} a 1000
        {module} b 1000
        {check}
        dd if=/dev/zero of={tmp_path}/filler bs=1k 2>/dev/null
        {module} c 1000
        {sys.executable} -c '{_SYNC}' {tmp_path}/tests.sqlite3
        rm {tmp_path}/filler; mount -o remount,size=8m {tmp_path}
        {module} d 5
        {check}
    """
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", script], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode == 9:
        pytest.skip("this machine lets no one mount a small file system: mount")
    lines = done.stdout.split()
    rows = [line for line in lines if line[1] == "-"]
    assert lines.count("storage-full") == 3, done
    assert lines.count("store-unavailable") == 1, done
    assert lines[-7:] == ["d-0", "d-1", "d-2", "d-3", "d-4", "ok", str(len(rows))], done
    assert len(rows) > 10


def _integrity(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_too_many_reads_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "READ_QUEUE_LIMIT", 8)

    async def go() -> None:
        async with opened(tmp_path) as store:
            held = threading.Event()
            blocked = [asyncio.ensure_future(store._files[0].read(lambda _: held.wait(10))) for _ in range(8)]
            await asyncio.wait(blocked, timeout=0.01)
            with pytest.raises(Overloaded):
                await store._files[0].read(lambda _: None)
            assert await store.get("p", "s") is None  # needs no thread
            held.set()
            assert await asyncio.gather(*blocked) == [True] * 8
            assert await store._files[0].read(lambda _: True)

    asyncio.run(go())


def test_a_glance_that_another_connection_is_in_the_way_of_goes_on_in_a_thread(tmp_path: Path) -> None:
    here, tried = threading.get_ident(), []

    def busy_here(_: sqlite3.Connection) -> str:
        tried.append(threading.get_ident())
        if len(tried) < 3:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return "read"

    async def go() -> None:
        async with opened(tmp_path) as store:
            assert await store._files[0].glance(busy_here) == "read"

    asyncio.run(go())
    assert [thread == here for thread in tried] == [True, False, False]


def test_who_reads_without_a_pause_lets_others_have_their_turns(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path) as store:
            others = asyncio.create_task(asyncio.sleep(0.05))
            reads = 0
            while not others.done():
                await store.get("p", "s")
                await store.scan("p")
                reads += 1
            assert reads > 1

    asyncio.run(asyncio.wait_for(go(), 10))


@pytest.mark.parametrize(("limit", "count"), [(99, 99), (100, 100), (101, 101), (250, 250), (1000, 250)])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_as_long_as_is_asked(tmp_path: Path, limit: int, count: int, reverse: bool) -> None:
    async def go() -> None:
        async with opened(tmp_path, PLAIN) as store:
            await store.put([Row("p", f"s{number:03d}", 1, "a", {}) for number in range(250)])
            expected = [f"s{number:03d}" for number in range(250)]
            read = await store.scan("p", limit=limit, reverse=reverse)
            assert [row.sort for row in read] == (expected[::-1] if reverse else expected)[:count]

    asyncio.run(go())


def test_a_database_is_shared_by_path_however_it_is_written(tmp_path: Path) -> None:
    async def go() -> None:
        one = await Database.acquire(tmp_path / "x.sqlite3", lambda _: None)
        other = await Database.acquire(tmp_path / "." / "x.sqlite3", lambda _: None)
        assert one is other
        await one.close()
        await other.close()

    asyncio.run(go())


def test_a_value_that_is_no_object_is_refused(tmp_path: Path) -> None:
    async def go() -> None:
        async with opened(tmp_path, PLAIN) as store:
            with pytest.raises(InvalidInput):
                await store.put([Row("p", "s", 1, "kind", "text")])  # type: ignore[arg-type]

    asyncio.run(go())
