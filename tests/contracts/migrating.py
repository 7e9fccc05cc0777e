"""A process that makes two migrations and prints what it made: python -m tests.contracts.migrating URL LOG_URL FILE."""

import asyncio
import os
import sys
from pathlib import Path

from cluster.durable import open_store
from cluster.durable.migrations import LEDGER, Ledger, Migration
from cluster.settings import Settings, load


def noting(path: Path, number: int) -> Migration:
    """Return a migration that leaves a line behind each time that it is made."""

    async def note(settings: Settings) -> None:
        with path.open("a") as file:
            file.write(f"{number} begun\n")
        await asyncio.sleep(0)
        with path.open("a") as file:
            file.write(f"{number} done\n")

    return Migration(number, f"number {number}", note)


async def main(url: str, path: Path) -> None:
    store = await open_store(url, LEDGER)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # all begin together
    made = await Ledger(store, [noting(path, 1), noting(path, 2)], str(os.getpid())).migrate(load(), lambda _: None, _nothing)
    print(*(each.number for each in made), flush=True)
    await store.close()


async def _nothing(version: int) -> None: ...


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
