"""Whoever uses Matinee in tests: accounts that sign up and in, and the profiles that they choose."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from serve_apps.auth.routes import PREFIX as AUTH
from serve_apps.profiles.routes import PREFIX as PROFILES
from tests.whole.composition import OPERATOR_PASSWORD, Whole

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody on a device: an account, the device's tokens, and the profile that they are in, if any."""

    email: str
    name: str
    password: str
    tokens: dict[str, Any]

    @property
    def access_token(self) -> str:
        return str(self.tokens["access_token"])

    @property
    def refresh_token(self) -> str:
        return str(self.tokens["refresh_token"])

    @property
    def account_id(self) -> str:
        return str(self.tokens["account_id"])

    @property
    def device_id(self) -> str:
        return str(self.tokens["device_id"])

    @property
    def profile_id(self) -> str:
        return str(self.tokens["profile_id"])


async def sign_up(whole: Whole, name: str = "", email: str = "", device_name: str = "A browser") -> Person:
    """Return a new member, in no profile yet."""
    name = name or f"Member {next(_numbers)}"
    email = email or f"member-{next(_numbers)}@example.org"
    new = {"email": email, "password": PASSWORD, "name": name, "device_name": device_name}
    answer = await whole.ask("POST", f"{AUTH}/accounts", json=new)
    assert answer.status_code == 201, answer.text
    return Person(email, name, PASSWORD, answer.json())


async def sign_in(whole: Whole, person: Person, device_name: str = "A television") -> Person:
    """Return them on one more device, in no profile yet."""
    given = {"email": person.email, "password": person.password, "device_name": device_name}
    answer = await whole.ask("POST", f"{AUTH}/tokens", json=given)
    assert answer.status_code == 201, answer.text
    return replace(person, tokens=answer.json())


async def operator(whole: Whole) -> Person:
    """Return the first operator on a new device, in no profile."""
    return await sign_in(whole, Person(whole.settings.operator_email, "Operator", OPERATOR_PASSWORD, {}))


async def add_profile(whole: Whole, person: Person, name: str = "", **fields: Any) -> str:
    """Make a profile; returns its id."""
    new = {"name": name or f"Profile {next(_numbers)}", **fields}
    answer = await whole.ask("POST", PROFILES, person, json=new)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["profile_id"])


async def choose_profile(whole: Whole, person: Person, profile_id: str | None = None, **proof: Any) -> Person:
    """Return them in a profile, the account's first one by default."""
    if profile_id is None:
        profile_id = (await whole.get(PROFILES, person))["items"][0]["profile_id"]
    answer = await whole.ask("POST", f"{AUTH}/tokens/profile", person, json={"profile_id": profile_id, **proof})
    assert answer.status_code == 200, answer.text
    return replace(person, tokens={**person.tokens, **answer.json()})


async def viewer(whole: Whole, name: str = "", **fields: Any) -> Person:
    """Return a new member in their first profile."""
    return await choose_profile(whole, await sign_up(whole, name, **fields))


async def kid(whole: Whole, person: Person, name: str = "", maturity: int = 7) -> Person:
    """Return them on one more device, in a new kids profile."""
    profile_id = await add_profile(whole, person, name, kids=True, maturity=maturity)
    return await choose_profile(whole, await sign_in(whole, person, "A tablet"), profile_id)
