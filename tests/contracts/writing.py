"""Programs that tests start as processes of their own and, some of them, kill.

python -m tests.contracts.writing store URL NAME COUNT    insert rows, eight at once; print each name acknowledged
python -m tests.contracts.writing log URL NAME COUNT      append events; print each offset acknowledged
python -m tests.contracts.writing fill URL NAME COUNT     insert big rows until an error; print names, then the error's slug
"""

import asyncio
import subprocess
import sys

from cluster.durable import Insert, Mode, Table, open_log, open_store
from cluster.errors import MatineeError
from cluster.events import Event, Topic

TABLE = Table("acknowledged", Mode.LINEAR, group="tests")
TOPIC = Topic("acknowledged", partitions=2)
AT_ONCE = 8


def start(program: str, url: str, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.contracts.writing", program, url, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def acknowledge(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def write_rows(url: str, name: str, count: int) -> None:
    store = await open_store(url, TABLE)

    async def some(first: int) -> None:
        for number in range(first, count, AT_ONCE):
            sort = f"{name}-{number}"
            # Two rows a batch: found both or neither.
            await store.batch("p", [Insert(sort, "kind", {"n": number}), Insert(f"{sort}/twin", "kind", {})])
            acknowledge(sort)

    await asyncio.gather(*(some(first) for first in range(AT_ONCE)))
    await store.close()


async def append_events(url: str, name: str, count: int) -> None:
    log = await open_log(url)
    for number in range(count):
        (position,) = await log.append(TOPIC, [Event(TOPIC.name, "row.written", name, number, 0.0, {})])
        acknowledge(f"{position.partition} {position.offset} {name} {number}")
    await log.close()


async def fill(url: str, name: str, count: int) -> None:
    try:
        store = await open_store(url, TABLE)
        for number in range(count):
            await store.put_if_absent("p", f"{name}-{number}", "kind", {"filler": "x" * 50_000})
            acknowledge(f"{name}-{number}")
    except MatineeError as error:
        acknowledge(error.slug)


if __name__ == "__main__":
    program = {"store": write_rows, "log": append_events, "fill": fill}[sys.argv[1]]
    asyncio.run(program(sys.argv[2], sys.argv[3], int(sys.argv[4])))
