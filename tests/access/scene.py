"""Account A with everything that an account has, beside another member, an operator and a shelf of titles; made as they are asked for.

Every name, e-mail and device of A holds a word that stands nowhere else, so that any answer shows where it got to.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx

from serve_apps.auth.routes import PREFIX as AUTH
from serve_apps.catalog.routes import PREFIX as CATALOG
from serve_apps.profiles.routes import PREFIX as PROFILES
from serve_apps.studio.routes import PREFIX as STUDIO
from tests.access.operations import Operation, address, split
from tests.whole import films, people
from tests.whole.composition import Whole
from tests.whole.people import Person

ROLES: Final = ("anonymous", "member", "viewer", "kid", "other", "operator", "operators_kid")
"""`member`: A in no profile; `viewer` and `kid`: A in profiles; `other`: another account's viewer; `operator`: in no profile."""

KIDS_CAP: Final = 7

_FIXED: Final = {"season": "1", "episode": "1", "trailer": "1", "kind": "poster", "name": "playback"}
_TELLING: Final = frozenset({"account_id", "device_id", "profile_id", "access_token", "refresh_token", "device_token"})
_WORDS: Final = ("Annabel", "Laptop", "Television", "Tablet", "Phone", "Sibling", "Kiddo")
_numbers = itertools.count(1)


class Scene:
    """People and ids by name; `await scene.the("session_id")` makes what it takes, once."""

    def __init__(self, whole: Whole, operator: Person) -> None:
        self.whole = whole
        self.number = next(_numbers)
        self._made: dict[str, Any] = {"operator": operator}

    async def the(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = await _THINGS[name](self)
        return self._made[name]

    async def complete(self) -> None:
        """Make everything that can be had while the encoders wait."""
        for name in _THINGS.keys() - {"ready_job_id"}:
            await self.the(name)

    async def person(self, role: str) -> Person | None:
        return None if role == "anonymous" else await self.the(role)

    def word(self, word: str) -> str:
        return f"{word}{self.number}x"

    def secrets(self) -> dict[str, str]:
        """What only A may read, as far as it is made."""
        told = {word: self.word(word) for word in _WORDS} | {"e-mail": self.email}
        told |= {
            name: self._made[name]
            for name in ("profile_id", "device_id", "session_id", "kids_session_id", "device_code", "reset_token")
            if name in self._made
        }
        for role in ("member", "viewer", "kid"):
            if role in self._made:
                told |= {f"{role}'s {name}": value for name, value in self._made[role].tokens.items() if name in _TELLING and value}
        return told

    def drafts(self) -> dict[str, str]:
        """What members must not read, as far as it is made."""
        return {"the name of a draft": self.word("Draftfilm")} | {name: self._made[name] for name in ("draft_id",) if name in self._made}

    def beyond_kids(self) -> dict[str, str]:
        """What a kids profile must not read, as far as it is made."""
        names = {f"the name of {word}": self.word(word) for word in ("Adultfilm", "Adultseries")}
        ids = {name: self._made[name] for name in ("adult_id", "adult_series_id") if name in self._made}
        return self.drafts() | names | ids | {"e-mail": self.email}

    @property
    def email(self) -> str:
        return f"annabel{self.number}x@example.org"

    async def request(self, name: str, operation: Operation, role: str, **things: str) -> httpx.Response:
        """Do an operation as somebody; `things` stand in for what would be filled in."""
        application, method, path = split(name)
        filled = {field: things.get(field) or await self._fill(operation.at.get(field, field), role) for field in _fields(path)}
        given: dict[str, Any] = {"headers": dict(operation.headers), "params": dict(operation.params)}
        if operation.json is not None:
            given["json"] = await self._filled(operation.json, role, things)
        if operation.content is not None:
            given["content"] = operation.content
        return await self.whole.ask(method, address(application, path.format_map(filled)), await self.person(role), **given)

    async def _filled(self, value: Any, role: str, things: Mapping[str, str]) -> Any:
        if isinstance(value, dict):
            return {key: await self._filled(each, role, things) for key, each in value.items()}
        if isinstance(value, str):
            return value.format_map({field: things.get(field) or await self._fill(field, role) for field in _fields(value)})
        return value

    async def _fill(self, field: str, role: str) -> str:
        if field in _FIXED:
            return _FIXED[field]
        if field == "new_email":
            return f"new-{next(_numbers)}@example.org"
        if field in {"email", "password", "refresh_token"}:
            return str(getattr(await self.person(role) or await self.the("member"), field))
        # The session of a kids profile is its own; the viewer's is another device's for it.
        return str(await self.the("kids_session_id" if (field, role) == ("session_id", "kid") else field))


def fields_of(operation: Operation, name: str) -> set[str]:
    """Return the names of what an operation is about."""
    texts = [split(name)[2], *(str(value) for value in (operation.json or {}).values())]
    return {operation.at.get(field, field) for text in texts for field in _fields(text)}


def inputs_of(operation: Operation, name: str) -> set[str]:
    """Return the names of an operation's path parameters and fields."""
    return {*_fields(split(name)[2]), *(operation.json or {})}


def _fields(text: str) -> list[str]:
    return [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]


_THINGS: dict[str, Callable[[Scene], Awaitable[Any]]] = {}


def _thing(make: Callable[[Scene], Awaitable[Any]]) -> Callable[[Scene], Awaitable[Any]]:
    _THINGS[make.__name__] = make
    return make


@_thing
async def member(scene: Scene) -> Person:
    return await people.sign_up(scene.whole, scene.word("Annabel"), scene.email, device_name=scene.word("Laptop"))


@_thing
async def account_id(scene: Scene) -> str:
    return str((await scene.the("member")).account_id)


@_thing
async def refresh_token(scene: Scene) -> str:
    return str((await scene.the("member")).refresh_token)


@_thing
async def viewer(scene: Scene) -> Person:
    television = await people.sign_in(scene.whole, await scene.the("member"), scene.word("Television"))
    return await people.choose_profile(scene.whole, television)


@_thing
async def kid(scene: Scene) -> Person:
    tablet = await people.sign_in(scene.whole, await scene.the("member"), scene.word("Tablet"))
    profile_id = await people.add_profile(scene.whole, tablet, scene.word("Kiddo"), kids=True, maturity=KIDS_CAP)
    return await people.choose_profile(scene.whole, tablet, profile_id)


@_thing
async def other(scene: Scene) -> Person:
    return await people.viewer(scene.whole)


@_thing
async def operators_kid(scene: Scene) -> Person:
    operator = await people.sign_in(scene.whole, await scene.the("operator"))
    for profile in (await scene.whole.get(PROFILES, operator))["items"]:
        if profile["kids"]:
            return await people.choose_profile(scene.whole, operator, profile["profile_id"])
    return await people.kid(scene.whole, operator, maturity=KIDS_CAP)


@_thing
async def profile_id(scene: Scene) -> str:
    return await people.add_profile(scene.whole, await scene.the("member"), scene.word("Sibling"))


@_thing
async def device_id(scene: Scene) -> str:
    return (await people.sign_in(scene.whole, await scene.the("member"), scene.word("Phone"))).device_id


@_thing
async def user_code(scene: Scene) -> str:
    return str((await _waiting(scene))["user_code"])


@_thing
async def device_code(scene: Scene) -> str:
    """The code of a television that A has let in, but that was not told yet."""
    waiting = await _waiting(scene)
    answer = await scene.whole.ask("POST", f"{AUTH}/device-codes/{waiting['user_code']}/approve", await scene.the("member"))
    assert answer.status_code == 204, answer.text
    return str(waiting["device_code"])


async def _waiting(scene: Scene) -> dict[str, Any]:
    answer = await scene.whole.ask("POST", f"{AUTH}/device-codes", json={"device_name": "A projector"})
    assert answer.status_code == 201, answer.text
    waiting: dict[str, Any] = answer.json()
    return waiting


@_thing
async def reset_token(scene: Scene) -> str:
    path = f"{AUTH}/members/{await scene.the('account_id')}/password-reset"
    answer = await scene.whole.ask("POST", path, await scene.the("operator"))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["reset_path"]).partition("#")[2]


@_thing
async def session_id(scene: Scene) -> str:
    return await films.watch(scene.whole, await scene.the("viewer"), await scene.the("adult_id"))


@_thing
async def kids_session_id(scene: Scene) -> str:
    return await films.watch(scene.whole, await scene.the("kid"), await scene.the("film_id"))


@_thing
async def listed(scene: Scene) -> str:
    """A title that the viewer has put on the list and rated."""
    title_id, viewer = await scene.the("film_id"), await scene.the("viewer")
    for path, rating in ((f"{PROFILES}/me/list/{title_id}", None), (f"{PROFILES}/me/ratings/{title_id}", {"rating": 2})):
        answer = await scene.whole.ask("PUT", path, viewer, json=rating)
        assert answer.status_code == 204, answer.text
    return str(title_id)


@_thing
async def film_id(scene: Scene) -> str:
    return await films.followed(
        scene.whole, await films.publish_film(scene.whole, await scene.the("operator"), scene.word("Kidsfilm"), maturity=0)
    )


@_thing
async def title_id(scene: Scene) -> str:
    return await films.followed(
        scene.whole, await films.publish_series(scene.whole, await scene.the("operator"), scene.word("Kidsseries"), maturity=0)
    )


@_thing
async def playable_id(scene: Scene) -> str:
    return f"{await scene.the('title_id')}-s01e01"


@_thing
async def adult_id(scene: Scene) -> str:
    return await films.followed(
        scene.whole,
        await films.publish_film(scene.whole, await scene.the("operator"), scene.word("Adultfilm"), maturity=18, genres=["Adultgenre"]),
    )


@_thing
async def adult_series_id(scene: Scene) -> str:
    return await films.followed(
        scene.whole, await films.publish_series(scene.whole, await scene.the("operator"), scene.word("Adultseries"), maturity=KIDS_CAP + 1)
    )


@_thing
async def draft_id(scene: Scene) -> str:
    title_id = await films.publish_series(scene.whole, await scene.the("operator"), scene.word("Draftfilm"), maturity=0)
    answer = await scene.whole.ask("POST", f"{CATALOG}/{title_id}/unpublish", await scene.the("operator"))
    assert answer.status_code == 200, answer.text
    return await films.followed(scene.whole, title_id, published=False)


@_thing
async def upload_id(scene: Scene) -> str:
    return await films.upload(scene.whole, await scene.the("operator"), b"half", length=10)


@_thing
async def whole_upload_id(scene: Scene) -> str:
    return await films.upload(scene.whole, await scene.the("operator"))


@_thing
async def job_id(scene: Scene) -> str:
    return await films.start_job(scene.whole, await scene.the("operator"), await scene.the("film_id"))


@_thing
async def cancelled_job_id(scene: Scene) -> str:
    operator = await scene.the("operator")
    job_id = await films.start_job(scene.whole, operator, await scene.the("film_id"))
    answer = await scene.whole.ask("POST", f"{STUDIO}/jobs/{job_id}/cancel", operator)
    assert answer.status_code == 202, answer.text
    await films.job_in(scene.whole, operator, job_id, "cancelled")
    return job_id


@_thing
async def ready_job_id(scene: Scene) -> str:
    operator = await scene.the("operator")
    job_id = await films.start_job(scene.whole, operator, await scene.the("film_id"))
    await films.job_in(scene.whole, operator, job_id, "ready")
    return job_id
