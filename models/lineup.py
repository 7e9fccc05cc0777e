"""All recommenders under their short names, with the parameters that did well, and their table on one split.

Main path: `recommenders` -> `judge` fits each and ranks the questions that nobody learned from -> `models.evaluate.table`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from models.data import Floats, Split
from models.ease import Ease, EaseParameters
from models.errors import DataRefused
from models.evaluate import Evaluation, evaluate
from models.fitting import Epoch, FittingParameters, SequenceRecommender
from models.item_knn import ItemKnn, ItemKnnParameters
from models.mixture import Mixture
from models.popularity import Popularity
from models.ranking import Recommender
from models.sequence import SequenceParameters

POPULARITY: Final = "popularity"
"""Of the last seven days: without it no table tells anything."""
SEQUENCE: Final = "sequence"
SEQUENCE_PARAMETERS: Final = SequenceParameters(dropout=0.3, longest=50)
FEW_INTERACTIONS: Final = 1_000_000
VERY_FEW_INTERACTIONS: Final = 20_000

_MADE: Final[Mapping[str, Callable[[], Recommender]]] = {
    POPULARITY: Popularity,
    "popularity-all-time": lambda: Popularity(None),
    "item-knn": ItemKnn,
    "item-knn-recent": lambda: ItemKnn(ItemKnnParameters(last=10, decay=0.7)),
    "ease": lambda: Ease(EaseParameters(150, None, 1.0)),
    "ease-recent": Ease,
}
SEQUENCE_AND_EASE: Final = "sequence+ease"
"""What is served: both as one, neither trained twice."""
NAMES: Final = (*_MADE, SEQUENCE, SEQUENCE_AND_EASE)
_EASE: Final = "ease-recent"


def fitting_parameters(interactions: int, seed: int = 0) -> FittingParameters:
    """Return how the sequence model is trained on so many interactions: few of them want many small steps."""
    very_few = interactions <= VERY_FEW_INTERACTIONS  # where factors are soon better than what is learned next, and end it
    positions = 256 if very_few else 1024 if interactions <= FEW_INTERACTIONS else 4096
    return FittingParameters(2e-3, positions=positions, start_from_factors=not very_few, most_epochs=60, patience=12, seed=seed)


def recommenders(
    names: Sequence[str],
    sequence: SequenceParameters,
    fitting: FittingParameters,
    tell: Callable[[Epoch], None] = lambda _: None,
    beside: Sequence[Recommender] = (),
) -> list[Recommender]:
    """Make those of some names, in the order of the line-up; popularity is always among them, and the parts of what has parts.

    What stands beside them comes before the sequence model, whose training is the longest: what it is refused for is soon known.

    Raises:
        DataRefused: a name is unknown, or what stands beside is called as one of ours.
    """
    unknown = next((name for name in names if name not in NAMES), None)
    if unknown is not None:
        raise DataRefused(f"there is no model {unknown!r}; there are: {', '.join(NAMES)}")
    wanted = {POPULARITY, *names} | ({_EASE, SEQUENCE} if SEQUENCE_AND_EASE in names else set())
    made = {name: make() for name, make in _MADE.items() if name in wanted}
    made |= {f"beside, {each.name}": each for each in beside}
    if SEQUENCE in wanted:
        made[SEQUENCE] = SequenceRecommender(sequence, fitting, tell)
    if SEQUENCE_AND_EASE in wanted:
        made[SEQUENCE_AND_EASE] = Mixture(made[SEQUENCE], made[_EASE], fitted=True)
    called = [each.name for each in made.values()]
    twice = next((name for name in called if called.count(name) > 1), None)
    if twice is not None:
        raise DataRefused(f"two models would be called {twice!r} in the table")
    return list(made.values())


def judge(
    split: Split, lineup: Sequence[Recommender], genre_IG: Floats | None = None, tell: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Recommender, Evaluation]]:
    """Fit each and evaluate it on the split's test; who cannot learn from these data is left out, and told."""
    for recommender in lineup:
        began_s = time.perf_counter()
        try:
            recommender.fit(split.train, split.validation)
        except DataRefused as error:
            tell(f"{recommender.name} is left out: {error}")
            continue
        fitted_s = time.perf_counter() - began_s
        found = evaluate(recommender, split.train, split.test, genre_IG=genre_IG)
        tell(f"{recommender.name}: {fitted_s:.1f} s to fit, NDCG@10 {found.figure('NDCG@10')}")
        yield recommender, found


def parameters_of(recommender: Recommender) -> dict[str, Any]:
    """Return what it was told, for a file, and what a model of another program tells of itself."""
    found = {key: getattr(recommender, key, None) for key in ("parameters", "fitting")}
    about = getattr(recommender, "about", None)
    return {key: vars(value) for key, value in found.items() if value is not None} | ({"about": about} if about else {})
