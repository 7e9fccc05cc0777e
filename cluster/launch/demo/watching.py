"""Has the demo's audience watch, and the two members what each of them likes.

Main path: `watch` -> the programme's titles that play -> the audience's facts into the log (audience.py) -> the members' plays through the
API, as a player's -> noted in the folder. One that was broken off appends the same facts again, and they count once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from cluster.durable import open_log
from cluster.durable.entries import APPEND_LIMIT
from cluster.errors import CorruptData, WrongCredentials
from cluster.events import PLAYBACK, Event
from cluster.launch.demo.audience import FEWEST_TITLES, Watchable, begins_s, facts
from cluster.launch.demo.fill import MEMBERS, Member
from cluster.launch.ingest.tus import Api
from cluster.settings import Settings


class Noted(msgspec.Struct, frozen=True):
    """How far it is."""

    from_s: float
    """When the audience began to watch."""
    watched: bool = False


def watch(settings: Settings, api: Api, folder: Path, names: Collection[str], now_s: float) -> None:
    """Have everybody watch the titles of these names, unless they have; of fewer than FEWEST_TITLES nobody watches any yet.

    Raises:
        CorruptData: the note in the folder cannot be read.
        MatineeError: the log or a service does not answer; call it again.
    """
    note = folder / "audience.json"
    try:
        noted = msgspec.json.decode(note.read_bytes(), type=Noted) if note.exists() else Noted(begins_s(now_s))
    except msgspec.MsgspecError as error:
        raise CorruptData(f"{note} cannot be read: delete it, and the demo's audience watches once more") from error
    if noted.watched:
        return
    titles = _watchable(api, names)
    if len(titles) < FEWEST_TITLES:
        return
    note.write_bytes(msgspec.json.encode(noted))  # before the first fact: a second try must tell the same
    asyncio.run(_append(settings, titles, noted.from_s))
    for member in MEMBERS:
        _play(api, member, titles)
    note.write_bytes(msgspec.json.encode(msgspec.structs.replace(noted, watched=True)))


async def _append(settings: Settings, titles: list[Watchable], from_s: float) -> None:
    log = await open_log(settings.log, kept_s=settings.kept_s)
    try:
        batch: list[Event] = []
        for events in facts(titles, from_s):
            if len(batch) + len(events) > APPEND_LIMIT:
                await log.append(PLAYBACK, batch)
                batch = []
            batch += events
        await log.append(PLAYBACK, batch)
    finally:
        await log.close()


def _play(api: Api, member: Member, titles: list[Watchable]) -> None:
    """Play what the member likes and has not watched, from its beginning to its end."""
    account = {"email": member.email, "password": member.password, "device_name": "the demo"}
    try:
        token = api.request("POST", "/api/v1/auth/tokens", json=account).json()["access_token"]
    except WrongCredentials:
        return  # somebody made the account their own
    device = {"Authorization": f"Bearer {token}"}
    profiles = api.request("GET", "/api/v1/profiles", headers=device).json()["items"]
    chosen = {"profile_id": next(profile["profile_id"] for profile in profiles if not profile["kids"])}
    token = api.request("POST", "/api/v1/auth/tokens/profile", json=chosen, headers=device).json()["access_token"]
    viewer = {"Authorization": f"Bearer {token}"}
    begun = {place["playable_id"] for place in api.request("GET", "/api/v1/playback/history", headers=viewer).json()["items"]}
    for title in titles:
        if title.name not in member.likes or title.playable_id in begun:
            continue
        wanted = {"playable_id": title.playable_id}
        session = api.request("POST", "/api/v1/playback/sessions", json=wanted, headers=viewer).json()
        ended = {"position_s": title.duration_s}
        api.request("DELETE", f"/api/v1/playback/sessions/{session['session_id']}", params=ended, headers=viewer)
    api.request("DELETE", "/api/v1/auth/tokens", headers=device)


def _watchable(api: Api, names: Collection[str]) -> list[Watchable]:
    """Return those that play, by name."""
    cards = [card for card in api.request("GET", "/api/v1/titles", params={"limit": 100}).json()["items"] if card["name"] in names]
    found = [_plays(api.request("GET", f"/api/v1/titles/{card['title_id']}").json()) for card in cards if card["published"]]
    return sorted((title for title in found if title is not None), key=lambda title: title.name)


def _plays(title: dict[str, Any]) -> Watchable | None:
    parts = [title] if title["kind"] == "film" else [episode for season in title["seasons"] for episode in season["episodes"]]
    part = next((part for part in parts if part["media"]), None)
    if part is None or not title["genres"]:
        return None
    return Watchable(
        title["title_id"],
        part["playable_id"],
        title["name"],
        "film" if title["kind"] == "film" else "episode",
        title["maturity"],
        tuple(title["genres"]),
        part["media"]["duration_s"],
    )
