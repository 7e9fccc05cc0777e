"""Every adapter that the contracts hold for; a new one adds its line here.

An adapter that needs a server is a `pytest.param` with the mark `durable`.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from cluster.durable import Log, Store, Table, open_log, open_store


class Durables(Protocol):
    """One installation of a store and a log; opening twice opens the same data, as other processes do by the URLs."""

    store_url: str
    log_url: str

    def store(self, table: Table, now_s: Callable[[], float]) -> Awaitable[Store]: ...

    def log(self, now_s: Callable[[], float]) -> Awaitable[Log]: ...


class Embedded:
    """SQLite in a folder."""

    def __init__(self, folder: Path) -> None:
        self.store_url, self.log_url = f"sqlite:{folder}/store", f"sqlite:{folder}/log"

    def store(self, table: Table, now_s: Callable[[], float]) -> Awaitable[Store]:
        return open_store(self.store_url, table, now_s)

    def log(self, now_s: Callable[[], float]) -> Awaitable[Log]:
        return open_log(self.log_url, now_s)


ADAPTERS: dict[str, Callable[[Path], Durables]] = {"sqlite": Embedded}
