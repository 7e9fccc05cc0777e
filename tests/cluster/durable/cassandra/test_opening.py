"""How a store in the suite's Cassandra is opened, shared, made and refused."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from cassandra.cluster import Cluster

from cluster.durable import Insert, Mode, Row, Table, open_store
from cluster.durable.cassandra import session as sessions
from cluster.durable.cassandra.address import parse
from cluster.errors import MatineeError, Misconfigured, ModeMixed, StoreUnavailable
from tests.clock import Clock
from tests.servers import Servers

pytestmark = pytest.mark.durable

ACCOUNTS, PLACES = Table("accounts", Mode.LINEAR, "opening"), Table("places", Mode.PLAIN, "opening")


@pytest.fixture
def cql(servers: Servers) -> Iterator[object]:
    address = parse(servers.store_url)
    with Cluster(list(address.hosts), address.port) as cluster:
        yield cluster.connect()


@pytest.fixture
def fresh_url(servers: Servers, cql: object) -> Iterator[str]:
    """The URL of a keyspace that is not there."""
    keyspace = f"fresh_{uuid4().hex[:8]}"
    yield servers.store_url.rpartition("/")[0] + f"/{keyspace}"
    cql.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")  # type: ignore[attr-defined]


def refusal(url: str, table: Table = ACCOUNTS) -> tuple[MatineeError, float]:
    began_s = time.monotonic()
    with pytest.raises(MatineeError) as told:
        asyncio.run(open_store(url, table))
    assert "\n" not in told.value.detail
    return told.value, time.monotonic() - began_s


def test_tables_share_one_session_and_the_last_closes_it(servers: Servers) -> None:
    async def go() -> None:
        first, second, again = await asyncio.gather(*(open_store(servers.store_url, table) for table in (ACCOUNTS, PLACES, ACCOUNTS)))
        (session,) = sessions._registry._open.values()
        assert session.users == 3
        await asyncio.gather(first.close(), again.close())
        assert not session.driver.is_shutdown
        await second.put([Row("p", "s", 1, "place", {})])
        await second.close()
        assert session.driver.is_shutdown
        assert not sessions._registry._open

    asyncio.run(go())


def test_a_request_waits_for_connections_that_are_being_renewed(servers: Servers) -> None:
    async def go() -> None:
        store = await open_store(servers.store_url, PLACES)
        try:
            (session,) = sessions._registry._open.values()
            pools = session.driver._pools
            session.driver._pools = {}
            asyncio.get_running_loop().call_later(0.2, setattr, session.driver, "_pools", pools)
            await store.put([Row("renewed", "s", 1, "place", {})])
            session.driver._pools = {}
            with pytest.raises(StoreUnavailable, match="marked down"):
                await store.get("renewed", "s")
            session.driver._pools = pools
            assert await store.get("renewed", "s") is not None
        finally:
            await store.close()

    asyncio.run(go())


def test_a_caller_that_gives_up_while_it_opens_leaves_nothing_open(servers: Servers) -> None:
    async def go() -> None:
        opening = asyncio.create_task(open_store(servers.store_url, ACCOUNTS))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        store = await open_store(servers.store_url, ACCOUNTS)
        await store.close()
        async with asyncio.timeout(20):
            while sessions._registry._open:  # noqa: ASYNC110 -- the other use is given back by a thread
                await asyncio.sleep(0.01)

    asyncio.run(go())


def test_processes_that_open_a_table_that_is_not_there_make_one(fresh_url: str) -> None:
    code = (
        "import asyncio, sys\nfrom cluster.durable import Mode, Table, open_store\n"
        "async def go():\n"
        "    store = await open_store(sys.argv[1], Table('accounts', Mode.LINEAR, 'opening'))\n"
        "    await store.put_if_absent('p', sys.argv[2], 'kind', {})\n"
        "    await store.close()\n"
        "asyncio.run(go())\n"
    )
    openers = [subprocess.Popen([sys.executable, "-c", code, fresh_url, f"{number}"], stderr=subprocess.PIPE) for number in range(4)]
    assert [(opener.communicate(timeout=120)[1], opener.returncode) for opener in openers] == [(b"", 0)] * 4

    async def count() -> int:
        store = await open_store(fresh_url, ACCOUNTS)
        rows = await store.scan("p")
        await store.close()
        return len(rows)

    assert asyncio.run(count()) == 4


def test_what_keeps_it_from_opening_is_told_in_one_line_and_in_time(servers: Servers) -> None:
    address = parse(servers.store_url)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for url, kind, said in (
            (f"{servers.store_url}?dc=nowhere", Misconfigured, "has no data centre 'nowhere': it has datacenter1"),
            (f"cassandra://127.0.0.1:{nobody}/films", StoreUnavailable, "does not answer: Connection refused"),
            (f"cassandra://127.0.0.1:{silent.getsockname()[1]}/films", StoreUnavailable, "does not answer: no answer in time"),
            ("cassandra://no-such-host.invalid/films", Misconfigured, "no such host"),
            (f"{servers.store_url}?tls=true", Misconfigured, "cannot be connected to by TLS"),
            (f"cassandra://127.0.0.1:{address.port}/Films", Misconfigured, "cannot be a keyspace"),
        ):
            error, took_s = refusal(url)
            assert isinstance(error, kind)
            assert said in error.detail
            assert took_s < 10.0
    assert not sessions._registry._open


def test_a_table_of_others_or_of_a_newer_matinee_is_left_alone(servers: Servers, fresh_url: str, cql: object) -> None:
    keyspace = parse(fresh_url).keyspace
    run = cql.execute  # type: ignore[attr-defined]
    run(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}}")
    run(f"CREATE TABLE {keyspace}.rows_accounts (a int PRIMARY KEY)")
    run(f"CREATE TABLE {keyspace}.rows_places (a int PRIMARY KEY) WITH comment = 'matinee 99 plain'")
    assert "was not made by Matinee" in refusal(fresh_url)[0].detail
    assert "was made by a newer Matinee (schema 99" in refusal(fresh_url, PLACES)[0].detail
    assert "cannot be a table" in refusal(fresh_url, Table("x" * 44, Mode.PLAIN, "opening"))[0].detail


def test_a_mode_is_remembered_by_the_servers(servers: Servers, fresh_url: str) -> None:
    async def go() -> None:
        await (await open_store(fresh_url, ACCOUNTS)).close()  # the last to close: nothing is remembered here
        with pytest.raises(ModeMixed, match="Table accounts was made linear"):
            await open_store(fresh_url, Table("accounts", Mode.PLAIN, "opening"))

    asyncio.run(go())


def test_rows_are_stored_as_schema_1_says(fresh_url: str, cql: object) -> None:
    clock, keyspace = Clock(), parse(fresh_url).keyspace

    async def go() -> None:
        accounts, places = await open_store(fresh_url, ACCOUNTS, clock), await open_store(fresh_url, PLACES, clock)
        await accounts.batch("p", [Insert("a", "account", {"n": 1}), Insert("b", "account", {}, expires_at_s=clock() + 10)])
        await places.put([Row("p", "a", 7, "place", {"at_s": 12.5}), Row("p", "b", 8, "place", {}, expires_at_s=clock() + 10)])
        await accounts.close()
        await places.close()

    asyncio.run(go())
    run = cql.execute  # type: ignore[attr-defined]
    lasting, fading = run(
        f"SELECT sort, version, kind, value, expires_at_s, TTL(value) FROM {keyspace}.rows_accounts WHERE partition = 'p'"
    )
    assert tuple(lasting) == ("a", 1, "account", '{"n":1}', float("inf"), None)
    assert tuple(fading)[:5] == ("b", 1, "account", "{}", clock() + 10)
    assert 3600 < fading[5] <= 3610
    lasting, fading = run(f"SELECT sort, held, WRITETIME(held), TTL(held) FROM {keyspace}.rows_places WHERE partition = 'p'")
    assert (lasting[0], lasting[1][1:], lasting[2:]) == ("a", (7, "place", '{"at_s":12.5}', float("inf")), (7, None))
    assert (fading[0], fading[1][1:], fading[2]) == ("b", (8, "place", "{}", clock() + 10), 8)
    assert 3600 < fading[3] <= 3610
