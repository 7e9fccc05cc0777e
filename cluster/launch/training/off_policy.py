"""Judges recommenders by what the platform's pages have shown: as if each had ranked the row of picks itself.

Main path: `report` -> `off_policy_report` -> the log's impressions -> of each recommender the chance that it shows the same -> judgements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from cluster.durable import Log, open_log
from cluster.launch.training.impressions import read_impressions
from cluster.settings import Settings
from models.data import Interactions, Split
from models.off_policy import CLIP, Judgement, chances, judge
from models.ranking import Recommender

Tell = Callable[[str], None]


def report(
    settings: Settings, recommenders: Sequence[Recommender], watched: Interactions, split: Split, *, clip: float, seed: int, tell: Tell
) -> Mapping[str, Judgement]:
    """Return what `off_policy_report` does, of a log that is opened for it, from where a split by time begins to ask.

    Raises:
        DataRefused: no row of picks was seen since then, or `clip` is not above 0.
        StoreUnavailable: the log does not answer.
    """

    async def opened() -> Mapping[str, Judgement]:
        log = await open_log(settings.log)
        try:
            from_s = float(split.test.asked_at_s_Q.min())
            return await off_policy_report(log, recommenders, watched, from_s, clip=clip, seed=seed, tell=tell)
        finally:
            await log.close()

    return asyncio.run(opened())


async def off_policy_report(
    log: Log,
    recommenders: Sequence[Recommender],
    watched: Interactions,
    from_s: float,
    *,
    clip: float = CLIP,
    seed: int = 0,
    tell: Tell = lambda _: None,
) -> Mapping[str, Judgement]:
    """Return by name what each would be worth: plays that begin, a card in sight.

    They are trained already, on nothing from `from_s` on: pages are judged from then. `watched` is all that was watched, and each page is
    ranked with what its profile had watched before. What is judged is a recommender's plain ranking, place by place: neither the variety
    within the row, nor what a profile may not see, which the log knows nothing of.

    Raises:
        DataRefused: no row of picks was seen since then.
        StoreUnavailable: the log does not answer.
    """
    seen = await read_impressions(log, from_s=from_s, tell=tell)
    shown, judged = seen.shown, {}
    for recommender in recommenders:
        chance_N = chances(recommender, watched, seen)
        judged[recommender.name] = judge(shown, chance_N, clip=clip, seed=seed)
        tell(f"{recommender.name}: would show {int(chance_N.sum())} of {len(seen)} cards at the same place")
    return judged
