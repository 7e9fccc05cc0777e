"""The same workloads on the embedded adapters, whose nodes cannot die: what the judges ask for can be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from tests.histories.leases import LIMIT, Streams, too_many
from tests.histories.trial import LEASE_S, SKEW_S, Trial, Workload, on_the_log, on_the_store


def test_every_history_on_sqlite_can_be_explained(tmp_path: Path) -> None:
    async def workloads(opened: AsyncExitStack) -> AsyncIterator[Workload]:
        async for each in on_the_store([f"sqlite:{tmp_path / 'store'}"], tmp_path, "embedded", skew_s=SKEW_S, removals=True)(opened):
            yield each
        async for each in on_the_log(f"sqlite:{tmp_path / 'log'}", 3, opened):
            yield each

    trial = Trial(workloads)
    with trial.running():
        trial.more(15)
    assert trial.faults() == []
    streams = next(each for each in trial.workloads if isinstance(each, Streams))
    assert too_many(streams.history.operations, LIMIT - 1, LEASE_S)  # the judge has seen as many as there may be
