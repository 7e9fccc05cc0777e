"""Copies from one embedded installation to another; those to servers are in test_servers.py."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors.processors import LogProcessor, results
from actors.processors.kept import PROCESSED
from actors.processors.plays import PLAYS, STARTED
from actors.sessions.tables import PLACES
from cluster.durable import Entry, Log, Row, Store, open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.durable.sqlite.log import SqliteLog
from cluster.errors import Indeterminate, Misconfigured, StoreUnavailable
from cluster.events import AUDIT, CATALOG, PLAYBACK, TOPICS, Event, Topic
from cluster.launch.instance import Instance
from cluster.launch.moving import entries, pacing, rows
from cluster.launch.moving.copying import Place
from cluster.settings import Settings
from serve_apps.auth.tables import ACCOUNTS
from tests.cluster.launch.moving.conftest import matinee, one_line, rows_of
from tests.cluster.launch.moving.dying import killed
from tests.cluster.launch.moving.filled import settings_of
from tests.serve_apps.auth.conftest import World


def events_of(url: str) -> dict[str, list[list[Event]]]:
    async def go() -> dict[str, list[list[Event]]]:
        log = await open_log(url)
        found = {
            topic.name: [[event async for event in entries.events(log, topic, n)] for n in range(topic.partitions)] for topic in TOPICS
        }
        await log.close()
        return found

    return asyncio.run(go())


def trimmed(url: str) -> int:
    """How many entries an embedded log drops as too old."""

    async def go() -> int:
        log = await SqliteLog.open(url.removeprefix("sqlite:"))
        dropped = sum([await log.trim(topic) for topic in TOPICS])
        await log.close()
        return dropped

    return asyncio.run(go())


def in_store(settings: Settings, table: Any, change: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        store = await open_store(settings.store, table)
        await change(store)
        await store.close()

    asyncio.run(go())


def test_a_copy_has_every_row_and_every_event_in_its_order(source: Settings, tmp_path: Path) -> None:
    target = settings_of(tmp_path / "target")
    before = rows_of(source.store)
    done = matinee(source.data, "copy", "--to", f"sqlite:{target.data}")
    assert done.returncode == 0, done.stderr
    assert rows_of(target.store) == before
    assert sum(len(found) for found in before.values()) > 2700
    assert events_of(target.log) == events_of(source.log)
    told = done.stdout.splitlines()
    assert "places: 2,700 rows" in told
    assert sum(line.endswith(": the same") for line in told) == sum(bool(found) for found in before.values()) + 3
    assert not (source.data / "moving/copy.json").exists()
    assert f"is kept in {target.store} and {target.log}" in one_line(matinee(source.data, "up"), 2)
    assert trimmed(target.log) == trimmed(source.log) == 0


def test_what_a_processor_counted_is_counted_anew_where_offsets_are_others(source: Settings, tmp_path: Path) -> None:
    target = settings_of(tmp_path / "target")

    async def play(settings: Settings, version: int, ago_s: float = 0.0) -> None:
        log = await open_log(settings.log, lambda: time.time() - ago_s)
        film = {"kind": "film", "title_id": "t"}
        plays = [Event(PLAYBACK.name, STARTED, f"a{n}", version, time.time() - ago_s, film) for n in range(90)]
        await log.append(PLAYBACK, plays)
        await log.close()

    async def counted(settings: Settings) -> dict[str, int]:
        open_processed, open_hints = partial(open_store, settings.store, PROCESSED), partial(open_store, settings.store, HINTS)
        processor = LogProcessor(PLAYS, open_processed, open_hints, partial(open_log, settings.log))
        await processor.run_once()
        await processor.close()
        store = await open_processed()
        totals: dict[str, int] = {}
        for partition in range(PLAYBACK.partitions):
            for title_id, value in await results.rows(store, PLAYS.name, partition):
                totals[title_id] = totals.get(title_id, 0) + sum(begun for begun, _ in value["days"].values())
        await store.close()
        return totals

    asyncio.run(play(source, 1, ago_s=30 * 86400.0))
    while trimmed(source.log):  # so that its offsets begin later than the target's
        pass
    asyncio.run(play(source, 2))
    assert asyncio.run(counted(source)) == {"t": 90}
    assert matinee(source.data, "copy", "--to", f"sqlite:{target.data}").returncode == 0
    asyncio.run(play(target, 3))
    assert asyncio.run(counted(target)) == {"t": 180}


def test_as_json_a_copy_is_one_document(source: Settings, tmp_path: Path) -> None:
    done = matinee(tmp_path / "target", "copy", "--from", f"sqlite:{source.data}", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["same"], told["resumed"]) == (0, True, False)
    places = next(table for table in told["tables"] if table["name"] == "places")
    assert places["source"] == places["target"]
    assert places["source"]["entries"] == 2700
    assert len(places["source"]["checksum"]) == 32


@pytest.mark.parametrize("words", ["looking", "account_emails:", "places: 1,", "audit: 1", "comparing places"])
def test_a_copy_that_was_killed_goes_on(source: Settings, tmp_path: Path, words: str) -> None:
    target = settings_of(tmp_path / "target")
    killed(source.data, words, "copy", "--to", f"sqlite:{target.data}")
    done = matinee(source.data, "copy", "--to", f"sqlite:{target.data}", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["same"], told["resumed"]) == (True, words != "looking")
    assert rows_of(target.store) == rows_of(source.store)
    assert events_of(target.log) == events_of(source.log)


def test_a_copy_begins_anew_once_its_target_was_emptied(source: Settings, tmp_path: Path) -> None:
    killed(source.data, "places: 1,", "copy", "--to", f"sqlite:{tmp_path}/target")
    (tmp_path / "target").rename(tmp_path / "away")
    done = matinee(source.data, "copy", "--to", f"sqlite:{tmp_path}/target", "--json")
    assert (done.returncode, json.loads(done.stdout)["resumed"]) == (0, False)


def test_a_target_with_other_rows_or_events_is_refused(source: Settings, tmp_path: Path) -> None:
    target = settings_of(tmp_path / "target")

    async def one(store: Store) -> None:
        await store.load([Row("somebody", "account", 1, "account", {})])

    in_store(target, ACCOUNTS, one)
    before = rows_of(target.store)
    done = matinee(source.data, "copy", "--to", f"sqlite:{target.data}")
    assert "holds another installation's data already (table accounts)" in one_line(done)
    assert rows_of(target.store) == before

    async def append() -> None:
        log = await open_log(f"sqlite:{tmp_path}/third/log")
        await log.append(AUDIT, [Event("audit", "thing.changed", "k", 1, 0.0, {})])
        await log.close()

    asyncio.run(append())
    assert "(topic audit)" in one_line(matinee(source.data, "copy", "--to", f"sqlite:{tmp_path}/third"))


def test_a_target_that_another_copy_was_begun_into_is_refused(source: Settings, tmp_path: Path) -> None:
    killed(source.data, "comparing", "copy", "--to", f"sqlite:{tmp_path}/target")
    other = settings_of(tmp_path / "other")
    matinee(source.data, "copy", "--to", f"sqlite:{other.data}")
    done = matinee(source.data, "copy", "--from", f"sqlite:{other.data}", "--to", f"sqlite:{tmp_path}/target")
    assert "holds another installation's data already" in one_line(done)


def test_a_source_that_runs_is_refused(source: Settings, tmp_path: Path) -> None:
    instance = Instance.claim(source.data)
    try:
        done = matinee(source.data, "copy", "--to", f"sqlite:{tmp_path}/target")
        assert one_line(done) == f"Matinee runs already with {source.data}"
        done = matinee(tmp_path / "target", "copy", "--from", f"sqlite:{source.data}")
        assert one_line(done) == f"Matinee runs already with {source.data}"
    finally:
        instance.release()
    assert not (tmp_path / "target/store").exists()


def test_a_difference_is_an_error_in_words(source: Settings, tmp_path: Path) -> None:
    target = settings_of(tmp_path / "target")
    killed(source.data, "comparing", "copy", "--to", f"sqlite:{target.data}")

    async def change(store: Store) -> None:
        (row, *_), _ = await store.read_all(limit=1)
        await store.load([Row(row.partition, row.sort, row.version + 1, row.kind, row.value), Row("x", "place", 1, "place", {})])

    in_store(target, PLACES, change)

    async def change_account(store: Store) -> None:
        (row, *_), _ = await store.read_all(limit=1)
        await store.compare_and_set(row, row.value | {"name": "Somebody else"})

    in_store(target, ACCOUNTS, change_account)
    done = matinee(source.data, "copy", "--to", f"sqlite:{target.data}")
    assert one_line(done).startswith("The target differs: accounts has other content; places has 2,701 instead of 2,700. If one of both")
    assert "accounts: 60, checksum" in done.stdout
    assert "DIFFERENT" in done.stdout


class Unsure:
    """A log that appends all, and does not answer at times; or not even that."""

    def __init__(self, log: Log) -> None:
        self._log, self.appends = log, 0

    async def append(self, topic: Topic, events: Sequence[Event]) -> Any:
        self.appends += 1
        number = self.appends % 5
        if number == 1:
            raise StoreUnavailable
        positions = await self._log.append(topic, events[: len(events) // 2] if number == 2 else events)
        if number < 4:
            raise Indeterminate
        return positions

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        return await self._log.read(topic, partition, offset, limit=limit)


def test_appends_that_are_not_answered_are_made_again_and_change_nothing(source: Settings, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pacing, "_LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(entries, "PAGE", 7)

    async def go() -> None:
        here, there = await open_log(source.log), await open_log(f"sqlite:{tmp_path}/log")
        unsure = Unsure(there)
        for topic in (AUDIT, CATALOG):
            await entries.move(here, unsure, topic, lambda _: None)  # type: ignore[arg-type]
            compared = await entries.compared(here, there, topic)
            assert compared.same
            assert compared.source.entries == 150
            assert compared.repeats > 0
            before = unsure.appends
            await entries.move(here, unsure, topic, lambda _: None)  # type: ignore[arg-type]
            assert unsure.appends == before
        await here.close()
        await there.close()

    asyncio.run(go())


def test_another_order_of_events_is_a_difference(source: Settings, tmp_path: Path) -> None:
    async def go() -> None:
        here, there = await open_log(source.log), await open_log(f"sqlite:{tmp_path}/log")
        facts = [event async for event in entries.events(here, AUDIT, 0)]
        await there.append(AUDIT, [*facts[:10], facts[11], facts[10], *facts[12:]])
        compared = await entries.compared(here, there, AUDIT)
        assert (compared.same, compared.in_order) == (False, False)
        await here.close()
        await there.close()

    asyncio.run(go())


def test_a_damaged_event_is_passed_over(source: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source.data / "log/audit.sqlite3")) as database, database:
        database.execute("UPDATE entries SET event = 'no event' WHERE offset IN (0, 70)")
    done = matinee(source.data, "copy", "--to", f"sqlite:{tmp_path}/target", "--json")
    assert done.returncode == 0, done.stderr
    assert next(topic for topic in json.loads(done.stdout)["topics"] if topic["name"] == "audit")["target"]["entries"] == 148


def test_rows_that_have_expired_are_left(source: Settings, tmp_path: Path) -> None:
    async def soon(store: Store) -> None:
        await store.load([Row("p", sort, 1, "kind", {}, at_s) for sort, at_s in (("gone", time.time() - 1), ("kept", time.time() + 3600))])

    in_store(source, PLACES, soon)
    done = matinee(source.data, "copy", "--to", f"sqlite:{tmp_path}/target", "--json")
    assert done.returncode == 0
    copied = rows_of(settings_of(tmp_path / "target").store)["places"]
    assert [row.sort for row in copied if row.partition == "p"] == ["kept"]


def test_members_stay_signed_in(tmp_path: Path) -> None:
    async def sign_up() -> dict[str, Any]:
        world = World(tmp_path / "data")
        world.now_s = time.time()
        await world.open()
        tokens = await world.signed_up()
        await world.close()
        return tokens

    async def refresh(tokens: dict[str, Any]) -> None:
        world = World(tmp_path / "data", store=f"sqlite:{tmp_path}/elsewhere/store", log=f"sqlite:{tmp_path}/elsewhere/log")
        world.now_s = time.time()
        await world.open()
        assert (await world.ask("GET", "/account", tokens)).json()["email"] == "ann@example.org"
        refreshed = await world.refreshed(tokens)
        assert refreshed.status_code == 200, refreshed.text
        assert (await world.refreshed(refreshed.json())).status_code == 200
        await world.signed_in()
        await world.close()

    tokens = asyncio.run(sign_up())
    done = matinee(tmp_path / "data", "copy", "--to", f"sqlite:{tmp_path}/elsewhere")
    assert done.returncode == 0, done.stderr
    asyncio.run(refresh(tokens))


def test_where_to_and_from_is_said_by_folders_and_urls(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert Place.of([], settings, "--to") == Place(settings.store, settings.log)
    assert Place.of(["sqlite:/data"], settings, "--to") == Place("sqlite:/data/store", "sqlite:/data/log")
    assert Place.of(["/data"], settings, "--to") == Place("sqlite:/data/store", "sqlite:/data/log")
    servers = ["kafka://host:9092", "cassandra://host/films"]
    assert Place.of(servers, settings, "--to") == Place("cassandra://host/films", "kafka://host:9092")
    assert Place.of(servers[:1], settings, "--to") == Place(settings.store, "kafka://host:9092")
    with pytest.raises(Misconfigured, match="--to postgres://host: must be"):
        Place.of(["postgres://host"], settings, "--to")


def test_what_cannot_be_copied_is_one_line(source: Settings, tmp_path: Path) -> None:
    assert "Nothing would be copied" in one_line(matinee(source.data, "copy"), code=2)
    done = matinee(source.data, "copy", "--from", f"sqlite:{tmp_path}/none", "--to", f"sqlite:{tmp_path}/target")
    assert one_line(done, code=2) == f"There is no installation in {tmp_path}/none/store"
    assert not (tmp_path / "none").exists()
    assert "must be cassandra" in one_line(matinee(source.data, "copy", "--to", "cassandra://"), code=2).replace("sqlite:DIR or ", "")


def test_a_load_that_fails_ends_the_move() -> None:
    class Full:
        async def load(self, rows: list[Row]) -> None:
            raise Misconfigured("no")

    class Endless:
        async def read_all(self, after: str | None = None, *, limit: int = 500) -> tuple[list[Row], str | None]:
            return [Row("p", "s", 1, "kind", {})], "more"

    with pytest.raises(Misconfigured):
        asyncio.run(rows.move(Endless(), Full(), None, lambda *_: None))  # type: ignore[arg-type]
