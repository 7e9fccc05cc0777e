"""The driver's session, one a process and URL, however many tables are open.

Main path: acquire() -> run() -> release(); the last one to release it closes the connections. An answer is awaited without a thread:
the driver's own thread hands it to the event loop. A breaker lets calls fail at once while too few nodes answer.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any, Final

from cassandra import OperationTimedOut
from cassandra.cluster import NoHostAvailable, ResultSet

from cluster.durable.cassandra.address import Address, parse
from cluster.durable.cassandra.answers import Answers, Rows
from cluster.durable.cassandra.driver import REQUEST_TIMEOUT_S, SCHEMA_TIMEOUT_S, WHOLE_READ_TIMEOUT_S, Kind, Near, cluster_of
from cluster.durable.cassandra.faults import is_between_connections, is_contention, translate, translate_at_open
from cluster.errors import Indeterminate, MatineeError, Misconfigured, Overloaded, StoreUnavailable
from cluster.resilience.breaker import Admission, Breaker

OPEN_DEADLINE_S: Final = 10.0
IN_FLIGHT_LIMIT: Final = 1024
RENEWAL_S: Final = (0.1, 0.4)
"""How long a request waits for connections that are being renewed before it is made again: nothing of it was sent."""


class Session:
    """A connected session; `run` may be called from any event loop."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.users = 0
        self.tables: dict[str, Any] = {}
        self.tables_lock = threading.Lock()
        self._lock = threading.Lock()
        self._in_flight = 0
        self._by_loop: dict[asyncio.AbstractEventLoop, Answers] = {}
        self._near = Near.in_dc(address.dc)
        self._breaker = Breaker(min_calls=6, error_ratio=0.5, sleep_s=1.0, window_s=5.0)
        self._cluster = cluster_of(address, self._near)
        try:
            self.driver = self._cluster.connect()
            self._require_one_dc()
        except NoHostAvailable as error:
            failure = self._without_dc() or translate_at_open(error, address.title, address.keyspace)
            self._cluster.shutdown()
            raise failure from error
        except BaseException:
            self._cluster.shutdown()
            raise
        self.driver.use_client_timestamp = False  # plain rows carry their own, linear ones the server's

    async def run(self, statement: Any, kind: Kind) -> Rows:
        """Run a bound statement and return its rows.

        Raises:
            Overloaded: too many are under way.
            StoreUnavailable: nothing was written: too few nodes answer, or have answered lately.
            Indeterminate: not answered in time; a write may have happened.
            StorageFull, InvalidInput, Misconfigured: the servers refuse it.
        """
        rows, _ = await self._ask(statement, kind)
        return rows

    async def page(self, statement: Any, kind: Kind, after: bytes | None = None) -> tuple[Rows, bytes | None]:
        """Run a bound statement and return a page of its rows, and where the next begins, if there is one; raises what `run` does."""
        rows, sent = await self._ask(statement, kind, after)
        return rows, ResultSet(sent, rows).paging_state

    @property
    def failing(self) -> bool:
        """Whether calls are held back because too many failed."""
        return self._breaker.is_open

    def replicas(self, partition: str) -> frozenset[Any] | None:
        """Return the nodes that keep a partition, as far as the driver knows; None if it does not."""
        return frozenset(self._cluster.metadata.get_replicas(self.address.keyspace, partition.encode())) or None

    def nodes(self) -> int:
        """Return how many nodes the near data centre has."""
        hosts = self._cluster.metadata.all_hosts()
        near = self.address.dc or next(iter({host.datacenter for host in hosts}), "")
        return sum(host.datacenter == near for host in hosts)

    def near_dc(self) -> str:
        """Return the name of the near data centre."""
        return self.address.dc or next((host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter), "")

    def await_schema_agreement(self) -> None:
        """Wait until all nodes know the same tables.

        Raises:
            StoreUnavailable: they don't in time.
        """
        if not self._cluster.control_connection.wait_for_schema_agreement(wait_time=SCHEMA_TIMEOUT_S):
            raise StoreUnavailable(f"The nodes of {self.address.title} do not agree on the tables")

    def shut(self) -> None:
        """Close the connections."""
        self._cluster.shutdown()

    def _admit(self) -> Admission:
        with self._lock:
            if self._in_flight >= IN_FLIGHT_LIMIT:
                raise Overloaded(f"Too many requests wait for {self.address.title}")
            now_s = time.monotonic()
            admission = self._breaker.admit(now_s)
            if admission is None:
                retry_after_s = max(0.1, self._breaker.retry_after_s(now_s))
                raise StoreUnavailable(f"{self.address.title} fails at the moment", retry_after_s=retry_after_s)
            self._in_flight += 1
            return admission

    async def _ask(self, statement: Any, kind: Kind, after: bytes | None = None) -> tuple[Rows, Any]:
        """Return the rows, and the driver's word for what was sent."""
        admission = self._admit()
        failed: bool | None = None  # it says nothing of the nodes
        try:
            rows, sent = await self._sent(statement, kind, after)
            failed = False
        except Exception as error:
            if isinstance(error, OperationTimedOut) and error.last_host is not None:
                self._near.avoid(error.last_host)
            failure = translate(error, self.address.title)
            failed = None if is_contention(failure) else isinstance(failure, StoreUnavailable | Indeterminate)
            raise failure from error
        else:
            return rows, sent
        finally:
            with self._lock:
                self._in_flight -= 1
                if failed is None:
                    self._breaker.abandon(admission)
                else:
                    self._breaker.record(admission, time.monotonic(), failed=failed)

    async def _sent(self, statement: Any, kind: Kind, after: bytes | None) -> tuple[Rows, Any]:
        for pause_s in RENEWAL_S:
            try:
                return await self._sent_once(statement, kind, after)
            except NoHostAvailable as error:
                if not is_between_connections(error):
                    raise
            await asyncio.sleep(pause_s)
        return await self._sent_once(statement, kind, after)

    async def _sent_once(self, statement: Any, kind: Kind, after: bytes | None) -> tuple[Rows, Any]:
        timeout_s = WHOLE_READ_TIMEOUT_S if kind is Kind.WHOLE_READ else REQUEST_TIMEOUT_S
        sent = self.driver.execute_async(statement, execution_profile=kind.value, paging_state=after)
        # The driver's own limit comes first, unless its thread is gone.
        return await self._answers().of(sent, timeout_s + 2.0), sent

    def _answers(self) -> Answers:
        loop = asyncio.get_running_loop()
        answers = self._by_loop.get(loop)
        if answers is None:
            answers = Answers(loop)
            # Replaced, not changed: other loops read it meanwhile.
            self._by_loop = {loop: answers, **{other: its for other, its in self._by_loop.items() if not other.is_closed()}}
        return answers

    def _require_one_dc(self) -> None:
        dcs = sorted({host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter})
        if not self.address.dc and len(dcs) > 1:
            raise Misconfigured(
                f"{self.address.title} has the data centres {', '.join(dcs)}: say which is near by ?dc=NAME in MATINEE_STORE"
            )

    def _without_dc(self) -> Misconfigured | None:
        dcs = sorted({host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter})
        if self.address.dc and dcs and self.address.dc not in dcs:
            return Misconfigured(f"{self.address.title} has no data centre {self.address.dc!r}: it has {', '.join(dcs)}")
        return None


class _Registry:
    """The sessions that this process has open, by URL."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held while a session connects, which takes seconds: never taken on an event loop
        self._open: dict[str, Session] = {}
        self._inherited: list[Session] = []

    def acquire(self, url: str) -> Session:
        address = parse(url)
        with self._lock:
            session = self._open.get(url)
            if session is None:
                try:
                    session = self._open[url] = Session(address)
                except MatineeError:
                    raise
                except Exception as error:
                    raise translate_at_open(error, address.title, address.keyspace) from error
            session.users += 1
            return session

    def release(self, session: Session) -> None:
        with self._lock:
            session.users -= 1
            if session.users > 0:
                return
            self._open = {url: each for url, each in self._open.items() if each is not session}
        session.shut()

    def after_fork(self) -> None:
        # Sockets and threads must not cross a fork: kept for ever, never used, opened anew by whoever needs them.
        self._lock = threading.Lock()
        self._inherited += self._open.values()
        self._open = {}


_registry = _Registry()
os.register_at_fork(after_in_child=_registry.after_fork)


async def acquire(url: str) -> Session:
    """Connect, or share the session that is connected; every use is given back by `release`.

    Raises:
        Misconfigured: the URL is wrong, the host is none, the user is refused, or the data centre is missing.
        StoreUnavailable: no node answers.
    """
    # Shielded: a caller that gives up must not leave a use that nobody gives back.
    opening = asyncio.ensure_future(asyncio.to_thread(_registry.acquire, url))
    try:
        async with asyncio.timeout(OPEN_DEADLINE_S):
            return await asyncio.shield(opening)
    except TimeoutError as error:
        opening.add_done_callback(_release_when_opened)
        raise StoreUnavailable(f"{parse(url).title} does not answer: not within {OPEN_DEADLINE_S:.0f} s") from error
    except asyncio.CancelledError:
        opening.add_done_callback(_release_when_opened)
        raise


async def release(session: Session) -> None:
    """End one use; the last one closes the connections."""
    await asyncio.shield(asyncio.to_thread(_registry.release, session))


def _release_when_opened(opening: asyncio.Future[Session]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        threading.Thread(target=_registry.release, args=(opening.result(),), daemon=True).start()
