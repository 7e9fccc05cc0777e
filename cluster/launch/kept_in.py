"""Where an installation keeps its rows and events, noted in its folder of data: an empty one is not begun beside it in silence.

Main path: `require_named`, before `up` starts anything -> `note`, once the tables are there. What moves an installation notes where to.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import msgspec

from cluster.errors import Misconfigured
from cluster.launch.instance import unwritable
from cluster.settings import Settings, without_password

_NAMES: Final = ("store", "log")


class KeptIn(msgspec.Struct, frozen=True):
    """URLs without passwords; '' is what the folder of data itself holds, and goes where that goes."""

    store: str
    log: str


def note(data: Path, store: str, log: str) -> None:
    """Note that the installation is kept there from now on.

    Raises:
        StorageFull, StoreUnavailable: it cannot be written.
    """
    path = _file(data)
    try:
        path.with_suffix(".new").write_bytes(msgspec.json.encode(_kept_in(data, store, log)))
        path.with_suffix(".new").replace(path)
    except OSError as error:
        raise unwritable(data, error) from error


def noted(data: Path) -> KeptIn | None:
    """Return where the installation was kept last; None where nobody knows, as in an empty folder."""
    try:
        return msgspec.json.decode(_file(data).read_bytes(), type=KeptIn)
    except (OSError, msgspec.MsgspecError):
        # Before there were notes: what was embedded shows.
        return KeptIn("", "") if any((data / "store").glob("*.sqlite3")) else None


def require_named(settings: Settings) -> None:
    """Check that settings which nobody gave don't mean another, perhaps empty, installation than the last one.

    Raises:
        Misconfigured: they do; the sentence says how to go on.
    """
    before = noted(settings.data)
    # What is not given is the default: the folder of data itself.
    left_out = [name for name in _NAMES if name not in settings.model_fields_set and before is not None and getattr(before, name)]
    if not left_out:
        return
    last = {name: getattr(before, name) for name in left_out}
    raise Misconfigured(
        f"This installation is kept in {' and '.join(last.values())}: go on with {_said(last)} (`up` also takes --store and --log);"
        f" what is under {settings.data} is used if it is named: {_said({name: getattr(settings, name) for name in left_out})}"
    )


def moved(settings: Settings) -> str:
    """Return, for people, what these settings leave behind where the installation was kept; '' if that is nothing."""
    before, now = noted(settings.data), _kept_in(settings.data, settings.store, settings.log)
    if before is None or before == now:
        return ""
    changed = [name for name in _NAMES if getattr(before, name) != getattr(now, name)]
    old = " and ".join(getattr(before, name) or f"{settings.data / name}" for name in changed)
    new = " and ".join(getattr(now, name) or f"{settings.data / name}" for name in changed)
    return (
        f"Until now this installation was kept in {old}, and is in {new} from here on: what only the former has, `matinee copy` brings over"
    )


def _kept_in(data: Path, store: str, log: str) -> KeptIn:
    return KeptIn(
        *("" if url == f"sqlite:{data / name}" else without_password(url) for name, url in zip(_NAMES, (store, log), strict=True))
    )


def _said(urls: dict[str, str]) -> str:
    return " ".join(f"MATINEE_{name.upper()}={shlex.quote(url)}" for name, url in urls.items())


def _file(data: Path) -> Path:
    return data / "kept-in.json"
