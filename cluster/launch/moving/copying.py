"""`matinee copy`: the tables and topics of an installation, moved to another store and log, and compared there.

Main path: `Place.of` says where from and where to -> `copy`. Objects, the secret and the operator's files stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from cluster.errors import Misconfigured
from cluster.launch.moving.installation import opened, require_made
from cluster.launch.moving.progress import Progress
from cluster.launch.moving.rows import Clock
from cluster.launch.moving.telling import Telling
from cluster.launch.moving.transfer import Report, Source, begin, transfer
from cluster.settings import Settings, load

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+]*:")


class Place(msgspec.Struct, frozen=True):
    """Where the tables and topics of an installation are; a URL is as in MATINEE_STORE and MATINEE_LOG."""

    store: str
    log: str

    @classmethod
    def of(cls, given: Iterable[str], settings: Settings, option: str) -> Place:
        """Return what an option says: a folder of data holds both, a URL says one; the settings say what is left out.

        Raises:
            Misconfigured: it is neither.
        """
        store, log = settings.store, settings.log
        for each in given:
            if each.startswith("cassandra:"):
                store = each
            elif each.startswith("kafka:"):
                log = each
            elif each.startswith("sqlite:") or not _SCHEME.match(each):
                folder = Path(each.removeprefix("sqlite:"))
                store, log = f"sqlite:{folder / 'store'}", f"sqlite:{folder / 'log'}"
            else:
                raise Misconfigured(f"{option} {each}: must be sqlite:DIR (a folder of data), cassandra://… or kafka://…")
        found = load(store=store, log=log)
        return cls(found.store, found.log)


async def copy(source: Place, target: Place, data: Path, telling: Telling) -> Report:
    """Copy tables and topics and compare both ends; a copy that was broken off goes on. What stays where it is is not copied.

    Raises:
        Misconfigured: there is nothing to copy.
        TargetNotEmpty: the target holds what this copy has not written.
    """
    store = source.store != target.store
    log = source.log != target.log
    if not store and not log:
        raise Misconfigured("Nothing would be copied: say where to by --to, or where from by --from")
    require_made(source.store if store else source.log)
    clock = Clock()
    progress = Progress.of(data / "moving" / "copy.json", source.store, source.log, target.store, target.log)
    async with (
        opened(source.store if store else None, source.log if log else None, clock, to_read=True) as here,
        opened(target.store if store else None, target.log if log else None, clock) as there,
    ):
        await here.require_rows()
        resumed = await begin(progress, there, telling)
        return await transfer(Source(here.tables, here.log), there, progress, clock, telling, resumed=resumed)
