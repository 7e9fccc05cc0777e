"""What to learn from: the log's history or a file, split in one way; refusals of the models become errors of the platform.

Main path: `interactions` -> `split`. With `refusals` around them, what a model refuses is one line for whoever gave the command.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.durable import open_log
from cluster.errors import InvalidInput, Misconfigured
from cluster.settings import Settings

if TYPE_CHECKING:
    from models.data import Floats, Interactions, Questions, Split
    from models.generate import Population

LOG: Final = "log"
FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "amazon": (".csv", ".gz"),
    "movielens": (".data", ".dat", ".csv"),
    "parquet": (".parquet",),
    "recbole": (".inter",),
    "steam": (".gz",),
}
"""By format, how its files are called."""
MOVIELENS_FILES: Final = ("u.data", "ratings.dat", "ratings.csv")
"""Of a folder as MovieLens publishes it, what is read; its other files have the same endings."""
SPLITS: Final = ("leave-one-out", "global-time")
VALIDATION_FROM, TEST_FROM = 0.8, 0.9
"""Of all interactions by time: with what share the validation begins, and the test."""
MOST_GENERATED: Final = 100_000
FEW_USERS: Final = 200
"""Of so few, each is worth half a percent and more of a hit rate: who they are is told."""
NAMED: Final = 20


def has_torch() -> bool:
    """Say whether this is no slim install."""
    return all(find_spec(name) for name in ("numpy", "pyarrow", "torch"))


def require_torch() -> None:
    """Check that this is no slim install.

    Raises:
        Misconfigured: it is one.
    """
    if not has_torch():
        raise Misconfigured("This install is without PyTorch, which models need: install the dependency group `models` too")


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Translate what models refuse.

    Raises:
        InvalidInput: the data cannot be learned from.
    """
    from models.errors import DataRefused

    try:
        yield
    except DataRefused as error:
        raise InvalidInput(str(error)) from error


def interactions(settings: Settings, data: str, file_format: str | None, tell: Callable[[str], None]) -> Interactions:
    """Read from the log (`log`) or from a file, or the one such file of a folder.

    Raises:
        Misconfigured: the format is none, or the file is not of it.
        DataRefused: there is nothing, or it is broken.
    """
    if data == LOG:
        if file_format is not None:
            raise Misconfigured("--format says what a file is; the log needs none")
        return asyncio.run(_from_log(settings, tell))
    from models.readers import read

    return read(_file(Path(data), file_format))


def generated(users: int, seed: int, tell: Callable[[str], None]) -> Population:
    """Make a population up; the same seed makes the same."""
    from models.generate import Population, PopulationParameters

    population = Population(PopulationParameters(users=users, seed=seed))
    tell(f"generated population: {population.parameters}")
    return population


def asked_users(found: Interactions, questions: Questions) -> list[str]:
    """Return the ids of those whom the questions ask about."""
    return [found.user_ids[user] for user in questions.user_Q]


def few(users: Sequence[str]) -> str | None:
    """Say who they are, if they are so few that it matters; else None."""
    if len(users) > FEW_USERS:
        return None
    left = f" and {len(users) - NAMED} more" if len(users) > NAMED else ""
    return f"Few users are asked about, {len(users)}: {', '.join(users[:NAMED])}{left}"


def core(found: Interactions, least: int) -> Interactions:
    """Keep the users and items that have so many first views of one another; 1 keeps all as it is.

    Raises:
        DataRefused: nothing is left.
    """
    from models.data import core as kept

    return found if least == 1 else kept(found, least)


def genres(data: str, found: Interactions) -> Floats | None:
    """Return which item has which genre where a file of RecBole's beside the data tells, else None."""
    path = Path(data)
    beside = next(iter(sorted(path.glob("*.item"))), None) if path.is_dir() else path.with_suffix(".item")
    if data == LOG or beside is None or not beside.is_file():
        return None
    from models.errors import DataRefused
    from models.readers import read_genres

    try:
        return read_genres(beside, found.item_ids)[0]
    except DataRefused:  # other data sets have other columns: calibration is then not told
        return None


def split(found: Interactions, name: str) -> Split:
    """Split by name.

    Raises:
        Misconfigured: there is no such split.
        DataRefused: the data are too few for it.
    """
    from models.data import global_time, leave_one_out, time_quantile_s
    from models.errors import DataRefused

    match name:
        case "leave-one-out":
            made = leave_one_out(found)
        case "global-time":
            made = global_time(found, time_quantile_s(found, VALIDATION_FROM), time_quantile_s(found, TEST_FROM))
        case _:
            raise Misconfigured(f"There is no split {name!r}; there are: {', '.join(SPLITS)}")
    if not len(made.test):
        raise DataRefused(f"there is nothing to judge by: {made}")
    return made


def _file(path: Path, file_format: str | None) -> Path:
    if file_format is not None and file_format not in FORMATS:
        raise Misconfigured(f"There is no format {file_format!r}; there are: {', '.join(FORMATS)}")
    endings = FORMATS[file_format] if file_format else tuple(ending for each in FORMATS.values() for ending in each)
    if not path.is_dir():
        if path.is_file() and path.suffix not in endings:
            raise Misconfigured(f"{path} is not called as files of {file_format or 'a known format'} are: *{', *'.join(endings)}")
        return path
    files = sorted(each for each in path.iterdir() if each.suffix in endings)
    files = [each for each in files if each.name in MOVIELENS_FILES] or files
    if len(files) != 1:
        named = ", ".join(each.name for each in files[:5]) or "none"
        raise Misconfigured(f"{path} must hold one file called *{', *'.join(endings)}, or --data must name it; it holds {named}")
    return files[0]


async def _from_log(settings: Settings, tell: Callable[[str], None]) -> Interactions:
    from cluster.launch.training.from_log import read_plays

    log = await open_log(settings.log, kept_s=settings.kept_s)
    try:
        return await read_plays(log, tell)
    finally:
        await log.close()
