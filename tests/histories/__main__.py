"""Tries the durable layers for as long as one likes: real nodes, real faults, and a judgement.

python -m tests.histories --minutes 5 --nodes 3 --nemesis kill,pause,skew --seed 1

Starts its own Cassandra and Kafka, which end with it. Every few seconds one node of either is killed, made to stand still or cut off;
`skew` sets the clients' clocks apart. Ends with 1 if a history cannot be explained.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from cluster.launch.servers.cassandra import CASSANDRA
from cluster.launch.servers.kafka import KAFKA
from cluster.launch.servers.nodes import Nodes
from tests.histories.history import Outcome
from tests.histories.nemeses import NEMESES, OWN_NETWORK, Nemesis, Partition
from tests.histories.trial import SKEW_S, Trial, Workload, on_the_log, on_the_store, urls_of
from tests.running import eventually
from tests.servers import started

HELD_S: Final = (4.0, 12.0)
QUIET_S: Final = (3.0, 6.0)
MORE: Final = 5


def main() -> int:
    """Run the command."""
    options = _options()
    rng = random.Random(options.seed)
    skew_s = SKEW_S if "skew" in options.nemesis else 0.0
    names = [name for name in options.nemesis if name != "skew"]
    acts = itertools.cycle([NEMESES[name]() for name in rng.sample(names, len(names))])
    if options.in_own_network:
        Partition.prepare()
    struck: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="matinee-histories-") as folder:
        store = started(CASSANDRA, Path(folder) / "cassandra", options.nodes)
        log = started(KAFKA, Path(folder) / "kafka", options.nodes)
        try:
            print(f"seed {options.seed}, {options.nodes} nodes of {CASSANDRA.title} and of {KAFKA.title}", flush=True)

            async def workloads(opened: AsyncExitStack) -> AsyncIterator[Workload]:
                open_on_the_store = on_the_store(
                    urls_of(store, "histories"), Path(folder), "run", options.seed, skew_s=skew_s, removals=options.removals
                )
                async for each in open_on_the_store(opened):
                    yield each
                async for each in on_the_log(log.url, options.seed + 3, opened):
                    yield each

            trial = Trial(workloads)
            ends_s = time.monotonic() + options.minutes * 60
            with trial.running():
                while time.monotonic() < ends_s:
                    trial.more(MORE)
                    _passes(rng.uniform(*QUIET_S))
                    if names:
                        act = next(acts)
                        # Brokers copy by the port that clients use: to cut it would cut off the clients too.
                        nodes = store if isinstance(act, Partition) else rng.choice([store, store, log])
                        _strike(rng, act, nodes, struck)
                trial.more(MORE)
            return _report(trial, struck)
        finally:
            log.stop()
            store.stop()


def _strike(rng: random.Random, act: Nemesis, nodes: Nodes, struck: Counter[str]) -> None:
    node = rng.choice(nodes.nodes)
    words = f"{act.name} of a node of {nodes.software.title}"
    held_s = rng.uniform(*HELD_S)
    began_s = time.monotonic()
    act.strike(nodes, node)
    try:
        _passes(held_s)
    finally:
        act.heal(nodes, node)
    struck[words] += 1
    print(f"  {words} for {held_s:.0f} s; whole again after {time.monotonic() - began_s:.0f} s", flush=True)


def _passes(seconds: float) -> None:
    ends_s = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > ends_s, seconds + 30)


def _report(trial: Trial, struck: Counter[str]) -> int:
    print("\n| workload | asked | ok | conflict | refused | unknown | judged |\n|---|---|---|---|---|---|---|")
    for each in trial.workloads:
        counts = " | ".join(str(each.history.count(outcome)) for outcome in Outcome)
        wrong = len(each.faults())
        print(f"| {each.name} | {len(each.history.operations)} | {counts} | {f'{wrong} FAULTS' if wrong else each.judged()} |")
    print("; ".join(f"{count} times {words}" for words, count in sorted(struck.items())) or "nothing was done to the nodes")
    faults = trial.faults()
    for fault in faults:
        print(f"\nFAULT in {fault}")
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description="Try the durable layers under faults.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--nemesis", default="kill,pause,skew", help=f"any of {', '.join(NEMESES)}, skew")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--removals", action="store_true", help="clients remove rows too")
    parser.add_argument(OWN_NETWORK, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.nemesis = [name for name in options.nemesis.split(",") if name]
    if unknown := set(options.nemesis) - {*NEMESES, "skew"}:
        parser.error(f"no such nemesis: {', '.join(sorted(unknown))}")
    if "partition" in options.nemesis and not options.in_own_network:
        if (why := Partition.left_out_because()) is None:
            Partition.enter(sys.argv[1:])
        options.nemesis.remove("partition")
        print(f"partition is left out: {why}", flush=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
