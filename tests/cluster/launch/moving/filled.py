"""Installations with members in them, written as the services write their rows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import obstore

from actors.sessions.stream import Place
from actors.sessions.tables import PLACES, STREAMS, place_sort
from cluster.durable import Log, Row, Store, Table, open_log, open_objects, open_store
from cluster.events import ACCOUNTS as FACTS
from cluster.events import AUDIT, CATALOG, Event
from cluster.settings import Settings
from serve_apps.auth.devices import StoredDevice
from serve_apps.auth.families import Family
from serve_apps.auth.policy import Account, email_hash
from serve_apps.auth.tables import ACCOUNTS, EMAILS
from serve_apps.catalog.tables import TITLES
from serve_apps.profiles.tables import PROFILES

PER_LOAD = 1000


def settings_of(data: Path, **more: str) -> Settings:
    """The settings of an embedded installation, or of one elsewhere."""
    return Settings(data=data, **more)


def rows_of(accounts: int, places: int) -> dict[Table, list[Row]]:
    """What the services keep of so many members, each of whom has stopped watching so many playables."""
    now_s = time.time()
    rows: dict[Table, list[Row]] = {table: [] for table in (ACCOUNTS, EMAILS, PROFILES, PLACES, STREAMS, TITLES)}
    for number in range(accounts):
        account_id, profile_id, email = f"{number:032x}", f"{number + (1 << 64):032x}", f"member{number}@example.org"
        account = Account(
            email, email_hash(email), f"Mémber {number}", "$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", ("member",), now_s, True
        )
        rows[ACCOUNTS].append(Row(account_id, "account", 1 + number % 3, "account", msgspec.to_builtins(account)))
        device = StoredDevice("TV", now_s, now_s, Family("00" * 32, number % 7, now_s, now_s + 30 * 86400.0), profile_id)
        rows[ACCOUNTS].append(
            Row(account_id, f"device/{number:032x}", 1 + number % 7, "device", msgspec.to_builtins(device), now_s + 30 * 86400.0)
        )
        rows[EMAILS].append(Row(email_hash(email), "claim", 1, "claim", {"account_id": account_id, "claimed_at_s": now_s}))
        rows[PROFILES].append(Row(account_id, f"profile/{profile_id}", 1, "profile", {"name": "P", "maturity": 18, "languages": ["en"]}))
        rows[STREAMS].append(Row(account_id, "owner", 2, "owner", {"turn": 1, "epoch": 1}))
        for film in range(places):
            place = Place(f"{film:032x}", f"{film:032x}", "film", 60.0 * film + number / 7, 5400.0, 5200.0, now_s, f"{number:032x}")
            rows[PLACES].append(
                Row(account_id, place_sort(profile_id, place.playable_id), (1 << 20) + film, "place", msgspec.to_builtins(place))
            )
    rows[TITLES] += [
        Row("catalog/03", f"title/{film:032x}", 4, "title", {"name": f"Film {film}", "original_name": None}) for film in range(places)
    ]
    return rows


async def fill(settings: Settings, accounts: int = 20, places: int = 3, events: int = 150, objects: int = 5) -> None:
    """Fill an installation that is empty."""
    for table, rows in rows_of(accounts, places).items():
        store: Store = await open_store(settings.store, table)
        for some in range(0, len(rows), PER_LOAD):
            await store.load(rows[some : some + PER_LOAD])
        await store.close()
    log: Log = await open_log(settings.log)
    for topic, keys in ((FACTS, 40), (CATALOG, 7), (AUDIT, 3)):
        facts = [
            Event(topic.name, "thing.changed", f"k{number % keys}", 1 + number // keys, 12.5, {"n": number}) for number in range(events)
        ]
        for some in range(0, events, PER_LOAD):
            await log.append(topic, facts[some : some + PER_LOAD])
    await log.close()
    for number in range(objects):
        # One is larger than what is passed on in one piece.
        await obstore.put_async(
            open_objects(settings.objects), f"titles/{number:03d}/film.mp4", bytes([number]) * (7 << 20 if number == 1 else 5000)
        )
    settings.secret_bytes()
    (settings.data / "operator-password").write_text("a good seat\n")


def filled(data: Path, **sizes: int) -> Settings:
    """Return the settings of an embedded installation with members in it."""
    settings = settings_of(data)
    asyncio.run(fill(settings, **sizes))
    return settings
