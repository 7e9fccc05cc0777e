"""What a profile chose in its player: kept for each profile, a child's too, and read back from rows that know nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.durable import open_store
from cluster.security.claims import Claims
from serve_apps.profiles.policy import StoredProfile, fields_of
from serve_apps.profiles.schemas import PlayerChange, ProfileChange
from serve_apps.profiles.tables import PROFILES
from tests.serve_apps.profiles.conftest import World, token

InWorld = Callable[[Callable[[World], Awaitable[None]]], None]

FRESH: dict[str, Any] = {
    "audio_language": None,
    "subtitle_language": None,
    "caption_size": "medium",
    "caption_style": "box",
    "autoplay_next": True,
}
CHOSEN: dict[str, Any] = {
    "audio_language": "fr",
    "subtitle_language": "off",
    "caption_size": "huge",
    "caption_style": "yellow",
    "autoplay_next": False,
}


def choices_of(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: profile[name] for name in FRESH}


def test_the_player_keeps_what_was_chosen_and_what_is_not_sent_stays(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made()
        by = token(profile=profile)
        assert choices_of(profile) == FRESH
        kept = await world.ask("PUT", "/me/player", by=by, json=CHOSEN)
        assert (kept.status_code, kept.json()) == (200, {**profile, **CHOSEN})
        assert (await world.ask("GET", f"/{profile['profile_id']}")).json() == kept.json()
        for change in ({"subtitle_language": "pt-BR"}, {"subtitle_language": None}, {"caption_size": None}, {}):
            kept = await world.ask("PUT", "/me/player", by=by, json=change)
        assert choices_of(kept.json()) == {**CHOSEN, "subtitle_language": None}

    in_world(scenario)


def test_a_child_keeps_choices_of_its_own_and_changes_nothing_else(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        parent, child = await world.made(name="Ann"), await world.made(name="Bo", kids=True)
        by = token(profile=child)
        assert (await world.ask("PUT", "/me/player", by=by, json=CHOSEN)).status_code == 200
        assert (await world.ask("GET", f"/{parent['profile_id']}")).json() == parent
        for grown_up in ({"kids": False}, {"maturity": 18}, {"pin": None}, {"name": "Bob"}):
            assert (await world.ask("PUT", "/me/player", by=by, json=grown_up)).status_code == 422
        assert (await world.ask("GET", f"/{child['profile_id']}")).json() == {**child, **CHOSEN}

    in_world(scenario)


def test_choices_are_of_a_profile_that_is_there(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile, _ = await world.made(), await world.made(name="Bo")
        assert (await world.ask("PUT", "/me/player", json=CHOSEN)).status_code == 403
        assert (await world.ask("PUT", "/me/player", by=token("b", profile), json=CHOSEN)).status_code == 404
        await world.ask("DELETE", f"/{profile['profile_id']}")
        assert (await world.ask("PUT", "/me/player", by=token(profile=profile), json=CHOSEN)).status_code == 404

    in_world(scenario)


@pytest.mark.parametrize(
    "wrong",
    [
        {"audio_language": "english!"},
        {"subtitle_language": "OFF"},
        {"caption_size": "giant"},
        {"caption_style": 1},
        {"autoplay_next": "si"},
    ],
)
def test_what_no_player_knows_is_refused(in_world: InWorld, wrong: dict[str, Any]) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made()
        assert (await world.ask("PUT", "/me/player", by=token(profile=profile), json=wrong)).status_code == 422

    in_world(scenario)


def test_a_profile_is_made_and_changed_with_choices(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made(**CHOSEN)
        assert choices_of(profile) == CHOSEN
        changed = await world.ask("PATCH", f"/{profile['profile_id']}", json={"audio_language": None, "caption_style": "shadow"})
        assert choices_of(changed.json()) == {**CHOSEN, "audio_language": None, "caption_style": "shadow"}

    in_world(scenario)


def test_choices_of_several_devices_at_once_are_all_kept(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        profile = await world.made()
        by = token(profile=profile)
        answers = await asyncio.gather(
            *(world.ask("PUT", "/me/player", by=by, json={name: value}) for name, value in CHOSEN.items()),
            world.ask("PATCH", f"/{profile['profile_id']}", json={"name": "Anna"}),
        )
        assert {answer.status_code for answer in answers} == {200}
        assert (await world.ask("GET", f"/{profile['profile_id']}")).json() == {**profile, **CHOSEN, "name": "Anna"}

    in_world(scenario)


def test_a_row_from_before_reads_as_one_that_nobody_chose_in(in_world: InWorld) -> None:
    async def scenario(world: World) -> None:
        row = {"name": "Old", "kids": True, "maturity": 7, "language": "de", "avatar": "2", "created_at_s": 1.0, "pin_hash": None}
        store = await open_store(world.settings.store, PROFILES)
        try:
            await store.put_if_absent("a", "profile/old", "profile", row)
        finally:
            await store.close()
        read = (await world.ask("GET", "/old")).json()
        assert {"name": "Old", "maturity": 7, **FRESH}.items() <= read.items()
        by = msgspec.json.encode(Claims("a", "device", ("member",), 1e12, profile_id="old", maturity=7, kids=True)).hex()
        kept = await world.ask("PUT", "/me/player", by=by, json=CHOSEN)
        assert kept.json() == {**read, **CHOSEN}

    in_world(scenario)


_changes = st.fixed_dictionaries(
    {},
    optional={
        "audio_language": st.none() | st.sampled_from(["en", "pt-BR"]),
        "subtitle_language": st.none() | st.sampled_from(["off", "de"]),
        "caption_size": st.none() | st.sampled_from(["small", "huge"]),
        "caption_style": st.none() | st.sampled_from(["shadow", "yellow"]),
        "autoplay_next": st.none() | st.booleans(),
    },
)


@given(_changes, st.sampled_from([PlayerChange, ProfileChange]))
def test_a_change_writes_what_was_sent_and_forgets_languages_alone(sent: dict[str, Any], model: type[PlayerChange]) -> None:
    before = StoredProfile("Ann", False, 18, "en", "1", 0.0, "hash", "nl", "nl", "large", "box", False)
    after = msgspec.to_builtins(msgspec.structs.replace(before, **fields_of(model.model_validate(sent))))
    for name, value in msgspec.to_builtins(before).items():
        kept = name not in sent or (sent[name] is None and "language" not in name)
        assert after[name] == (value if kept else sent[name])
