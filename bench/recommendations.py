"""What recommending costs: `python -m bench.recommendations [--only topk,fold,memory] [--scale 1.0]`.

topk: the hundred best of 27,000 titles by vectors of 256, one thread, against NumPy's partition and sort. fold: a million facts of plays
folded into profiles by their log processor, against the store writing the same rows in the same batches. memory: what a training on ten
million views takes.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is: its products are to be of one thread

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from actors.processors.kept import PROCESSED, partition_name
from actors.processors.log_processor import LogProcessor
from actors.processors.plays import ENDED, STARTED
from actors.processors.profiles import PROFILES
from cluster.durable import Change, Store, open_log, open_store
from cluster.durable.outbox import HINTS
from cluster.events import PLAYBACK, Event
from serve_apps.recommendations.ranking import best

TITLES, WIDTH, PLACES = 27_000, 256, 100
FACTS, PROFILES_COUNT = 1_000_000, 5_000
VIEWS = 10_000_000
PEER = "peer"
BEGUN_AT_S = time.time() - FACTS
"""Lately: what was long ago has expired."""
WATCHED_S = 90.0
"""How long a training is watched: what it takes shows in its first batches, and in its validation after few of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="topk,fold,memory")
    parser.add_argument("--scale", type=float, default=1.0, help="of the facts and views")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if "topk" in wanted:
        topk()
    if "fold" in wanted:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(fold(Path(folder), int(FACTS * options.scale)))
    if "memory" in wanted:
        memory(int(VIEWS * options.scale))
    if "train" in wanted:  # by `memory`, in a process of its own
        train(int(VIEWS * options.scale))


# --- the best of all


def topk() -> None:
    random = np.random.default_rng(0)
    vector_ID = random.standard_normal((TITLES, WIDTH), dtype=np.float32)
    query_ND = random.standard_normal((200, WIDTH), dtype=np.float32)
    allowed_I = np.ones(TITLES, dtype=np.bool_)

    def ours(query_D: Any) -> Any:
        return best(vector_ID @ query_D, allowed_I, PLACES)

    def numpys(query_D: Any) -> Any:
        score_I = vector_ID @ query_D
        found = np.argpartition(-score_I, PLACES)[:PLACES]
        return found[np.argsort(-score_I[found], kind="stable")]

    for query_D in query_ND:
        score_I = vector_ID @ query_D
        assert (score_I[ours(query_D)] == score_I[numpys(query_D)]).all()
    took: dict[Callable[[Any], Any], list[float]] = {ours: [], numpys: []}
    for query_D in query_ND:
        for each in random.permutation([ours, numpys]):  # type: ignore[arg-type]  # neither always finds what the other left in the cache
            took[each].append(_seconds(partial(each, query_D)))
    mine, theirs = (statistics.median(took[each]) for each in (ours, numpys))
    asked = f"top {PLACES} of {TITLES:,} x {WIDTH}, one thread"
    print(f"{asked}: {1e3 * mine:.2f} ms, NumPy {1e3 * theirs:.2f} ms: {theirs / mine:.2f} (at least 1.0)")


def _seconds(call: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    call()
    return time.perf_counter() - began_s


# --- plays into profiles


class Twice:
    """A store that writes everything to another one too, alone in that moment, and says how long that took."""

    def __init__(self, inner: Store, peer: Store) -> None:
        self._inner, self._peer = inner, peer
        self.batches, self.peer_s = 0, 0.0

    async def batch(self, partition: str, changes: Sequence[Change]) -> None:
        await self._inner.batch(partition, changes)
        began_s = time.perf_counter()
        await self._peer.batch(partition, changes)
        self.batches, self.peer_s = self.batches + 1, self.peer_s + time.perf_counter() - began_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def fold(folder: Path, facts: int) -> None:
    url, logged = f"sqlite:{folder}", f"sqlite:{folder}/log"
    events = await open_log(logged)
    for at in range(0, facts, 500):
        await events.append(PLAYBACK, [_fact(number) for number in range(at, min(at + 500, facts))])
    peer = await open_store(f"sqlite:{folder}/{PEER}", PROCESSED)
    twice = Twice(await open_store(url, PROCESSED), peer)

    async def open_twice() -> Any:
        return twice

    processor = LogProcessor(PROFILES, open_twice, partial(open_store, url, HINTS), partial(open_log, logged))
    began_s = time.perf_counter()
    passed = await processor.run_once()
    mine_s = time.perf_counter() - began_s - twice.peer_s
    sizes = [
        len(msgspec.json.encode(row.value))
        for partition in range(PLAYBACK.partitions)
        for row in await _rows(peer, partition_name(PROFILES.name, partition))
        if row.sort.startswith("rows/")
    ]
    for opened in (processor, events, peer):  # the processor closes its store
        await opened.close()
    print(
        f"{passed:,} facts into {len(sizes):,} profiles: {passed / mine_s:,.0f} a second, {mine_s:.1f} s;"
        f" the same {twice.batches:,} batches by the store alone {twice.peer_s:.1f} s: {twice.peer_s / mine_s:.2f} (at least 0.5)"
    )
    print(f"  a profile: {statistics.mean(sizes) / 1000:.1f} KB, at most {max(sizes) / 1000:.1f} KB (under 16)")


async def _rows(store: Store, partition: str) -> list[Any]:
    rows: list[Any] = []
    while page := await store.scan(partition, after=rows[-1].sort if rows else None, limit=1000):
        rows += page
    return rows


def _fact(number: int) -> Event:
    """Return a beginning, or the end of the play that began before it."""
    play, ends = divmod(number, 2)
    profile, title = play % PROFILES_COUNT, (play * 7919 + play // PROFILES_COUNT) % TITLES
    begun_at_s = BEGUN_AT_S + play
    value: dict[str, Any] = {
        "profile_id": f"{profile:032x}",
        "account_id": f"{profile:032x}",
        "title_id": f"{title:032x}",
        "kind": "film",
        "position_s": 3000.0 if ends else 0.0,
        "duration_s": 6000.0,
        "started_at_s": begun_at_s,
    }
    version = 2 * (play // PROFILES_COUNT) + 1 + ends
    return Event(PLAYBACK.name, ENDED if ends else STARTED, value["account_id"], version, begun_at_s, value)


# --- a training's memory


def memory(views: int) -> None:
    child = subprocess.Popen([sys.executable, "-m", "bench.recommendations", "--only", "train", "--scale", str(views / VIEWS)])
    ends_s, peak_bytes = time.monotonic() + WATCHED_S, 0
    while child.poll() is None and time.monotonic() < ends_s:
        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                peak_bytes = 1024 * int(line.split()[1])
        time.sleep(0.5)
    if child.poll() is None:
        child.kill()
    child.wait()
    print(f"a training on {views:,} views of {TITLES:,} titles, its first {WATCHED_S:.0f} s: {peak_bytes / 1e9:.2f} GB at most (under 4)")


def train(views: int) -> None:
    from models.data import Histories, Interactions, leave_one_out
    from models.fitting import SequenceRecommender
    from models.lineup import SEQUENCE_PARAMETERS, fitting_parameters

    random = np.random.default_rng(0)
    users = max(2, views // 100)
    user_N = random.integers(0, users, views)
    item_N = np.minimum(random.zipf(1.2, views) - 1, TITLES - 1)
    histories = Histories.of(user_N, item_N, np.arange(views, dtype=np.float64), np.ones(views, dtype=np.float32), users)
    found = Interactions(histories, tuple(f"u{user}" for user in range(users)), tuple(f"t{title:05d}" for title in range(TITLES)))
    split = leave_one_out(found)
    print(f"  {split}", flush=True)
    SequenceRecommender(SEQUENCE_PARAMETERS, fitting_parameters(views)).fit(split.train, split.validation)


if __name__ == "__main__":
    main()
