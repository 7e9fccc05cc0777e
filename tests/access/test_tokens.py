"""A forged token opens no application, and a device that was signed out is refused by all of them within 5 s."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from serve_apps.auth.routes import PREFIX as AUTH
from serve_apps.playback.routes import PREFIX as PLAYBACK
from tests.access.operations import OPERATIONS, address, split
from tests.serve_apps.studio.rig import until
from tests.whole import films, people
from tests.whole.composition import APPLICATIONS, Whole
from tests.whole.people import Person

GUARDED = {
    "auth": "/account", "profiles": "/me/list", "catalog": "/", "studio": "/jobs", "playback": "/history",
    "search": "/", "recommendations": "/", "telemetry": "/events", "operations": "/status",
}  # fmt: skip
"""A page of each application that an operator in a profile may read; telemetry has none, and is told something."""

LET_IN = {200, 202}

REFUSED_WITHIN_S = 5.0

Sign = Callable[[bytes], bytes]


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def encoded(part: bytes | dict[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def es256(key: ECKey) -> Sign:
    def sign(signed: bytes) -> bytes:
        assert key.private_key is not None
        r, s = decode_dss_signature(key.private_key.sign(signed, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def hs256(secret: bytes) -> Sign:
    return lambda signed: hmac.digest(secret, signed, hashlib.sha256)


class Forger:
    """Signs like auth, with auth's own key, but changes one thing; None takes a field out."""

    def __init__(self, whole: Whole, token: str) -> None:
        self.key = whole.auth.keys.signing().key
        self.other = ECKey.generate_key("P-256")
        self.good = token
        header, payload, self.signature = token.split(".")
        self.header, self.payload = decoded(header), decoded(payload)

    def token(self, header: dict[str, Any] | None = None, sign: Sign | None = None, **payload: Any) -> str:
        head = {name: value for name, value in {**self.header, **(header or {})}.items() if value is not None}
        body = {name: value for name, value in {**self.payload, **payload}.items() if value is not None}
        signed = f"{encoded(head)}.{encoded(body)}"
        return f"{signed}.{encoded((sign or es256(self.key))(signed.encode()))}"

    def forged(self) -> dict[str, str]:
        public = self.key.as_dict(private=False)
        pem = self.key.as_pem(private=False)
        head, body, signature = self.good.split(".")
        return {
            "alg none": self.token({"alg": "none"}, lambda _: b""),
            "alg none, signed": self.token({"alg": "none"}),
            "HS256 with the public key's PEM": self.token({"alg": "HS256"}, hs256(pem)),
            "HS256 with the public key's JSON": self.token({"alg": "HS256"}, hs256(json.dumps(public).encode())),
            "HS256 with its x": self.token({"alg": "HS256"}, hs256(str(public["x"]).encode())),
            "another key under our kid": self.token(sign=es256(self.other)),
            "unknown kid": self.token({"kid": "nobody"}, es256(self.other)),
            "its own key in the header": self.token({"jwk": self.other.as_dict(private=False)}, es256(self.other)),
            "keys elsewhere": self.token({"jku": "https://keys.example/jwks.json", "kid": "theirs"}, es256(self.other)),
            "crit": self.token({"crit": ["exp"]}),
            "typ JWT": self.token({"typ": "JWT"}),
            "no typ": self.token({"typ": None}),
            "another audience": self.token(aud="another"),
            "no audience": self.token(aud=None),
            "another issuer": self.token(iss="urn:another"),
            "expired": self.token(exp=int(time.time()) - 1, iat=int(time.time()) - 600),
            "no expiry": self.token(exp=None),
            "altered payload": f"{head}.{encoded({**self.payload, 'sub': 'another'})}.{signature}",
            "altered header": f"{encoded({**self.header, 'x': 1})}.{body}.{signature}",
            "altered signature": f"{head}.{body}.{encoded(bytes(64))}",
            "no signature": f"{head}.{body}.",
            "a part too few": f"{head}.{body}",
            "no token at all": "operator",
        }


async def each(whole: Whole, token: str) -> dict[str, httpx.Response]:
    """Ask every guarded application for a page."""
    return {name: await page(whole, name, token) for name in GUARDED}


async def page(whole: Whole, name: str, token: str | None = None, **given: Any) -> httpx.Response:
    """Ask for the page of one."""
    method, told = ("POST", {"json": OPERATIONS["telemetry POST /events"].json}) if name == "telemetry" else ("GET", {})
    return await whole.ask(method, address(name, GUARDED[name]), token, **told, **given)


@pytest.fixture
def caller(whole: Whole, operator: Person) -> Person:
    return whole.run(_caller(whole))


async def _caller(whole: Whole) -> Person:
    return await people.choose_profile(whole, await people.operator(whole))


def test_every_application_that_has_members_is_tried() -> None:
    assert {split(name)[0] for name, operation in OPERATIONS.items() if operation.audience.roles is not None} == GUARDED.keys()
    assert APPLICATIONS.keys() - GUARDED.keys() == {"web"}


def test_what_the_forger_signs_unchanged_is_admitted(whole: Whole, caller: Person) -> None:
    forger = Forger(whole, caller.access_token)
    for token in (caller.access_token, forger.token()):
        assert {answer.status_code for answer in whole.run(each(whole, token)).values()} <= LET_IN


def test_no_application_takes_a_forged_token(whole: Whole, caller: Person) -> None:
    admitted = []
    for forgery, token in Forger(whole, caller.access_token).forged().items():
        for application, answer in whole.run(each(whole, token)).items():
            if answer.status_code != 401 or answer.json()["type"] != "urn:matinee:error:token-invalid":
                admitted.append((forgery, application, answer.status_code, answer.text))
    assert admitted == []


@pytest.mark.parametrize("scheme", ["Basic", "Token", "DPoP"])
def test_no_application_takes_a_token_under_another_scheme(whole: Whole, caller: Person, scheme: str) -> None:
    for name in GUARDED:
        answer = whole.run(page(whole, name, headers={"Authorization": f"{scheme} {caller.access_token}"}))
        assert answer.status_code == 401, name


def test_a_refresh_token_is_no_access_token(whole: Whole, caller: Person) -> None:
    for secret in ("refresh_token", "device_token"):
        answers = whole.run(each(whole, caller.tokens[secret]))
        assert {answer.status_code for answer in answers.values()} == {401}


def test_a_token_that_has_expired_is_refused_though_it_was_admitted_before(whole: Whole, caller: Person) -> None:
    async def scene() -> None:
        token = Forger(whole, caller.access_token).token(exp=int(time.time()) + 4)
        assert {answer.status_code for answer in (await each(whole, token)).values()} <= LET_IN
        await _until_refused(whole, token, "token-invalid")

    whole.run(scene())


def _by_hand(whole: Whole, caller: Person, elsewhere: Person) -> Any:
    return whole.ask("DELETE", f"{AUTH}/devices/{caller.device_id}", elsewhere)


def _by_itself(whole: Whole, caller: Person, elsewhere: Person) -> Any:
    return whole.ask("DELETE", f"{AUTH}/tokens", caller)


def _by_an_operator(whole: Whole, caller: Person, elsewhere: Person) -> Any:
    return whole.ask("DELETE", f"{AUTH}/members/{caller.account_id}/devices/{caller.device_id}", elsewhere)


@pytest.mark.parametrize("sign_out", [_by_hand, _by_itself, _by_an_operator], ids=["by another device", "by itself", "by an operator"])
def test_a_device_that_is_signed_out_is_refused_everywhere_within_5_seconds(
    whole: Whole, operator: Person, caller: Person, sign_out: Callable[[Whole, Person, Person], Any]
) -> None:
    async def scene() -> None:
        elsewhere = await _caller(whole)

        async def no_streams() -> bool:
            return not (await whole.get(f"{PLAYBACK}/sessions", elsewhere))["items"]

        await films.watch(whole, caller, await films.publish_film(whole, operator))
        assert {answer.status_code for answer in (await each(whole, caller.access_token)).values()} <= LET_IN
        began_s = time.monotonic()
        answer = await sign_out(whole, caller, elsewhere)
        assert answer.status_code == 204, answer.text
        await _until_refused(whole, caller.access_token, "device-revoked")
        await until(no_streams, REFUSED_WITHIN_S)
        assert time.monotonic() - began_s < REFUSED_WITHIN_S
        refreshed = await whole.ask("POST", f"{AUTH}/tokens/refresh", json={"refresh_token": caller.refresh_token})
        assert refreshed.status_code == 401
        # The account's other devices go on.
        assert {answer.status_code for answer in (await each(whole, elsewhere.access_token)).values()} <= LET_IN

    whole.run(scene())


def test_a_disabled_account_is_refused_everywhere_within_5_seconds(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        ann = await people.viewer(whole)
        elsewhere = await people.choose_profile(whole, await people.sign_in(whole, ann))
        film_id = await films.publish_film(whole, operator)
        await films.watch(whole, elsewhere, film_id)
        began_s = time.monotonic()
        answer = await whole.ask("POST", f"{AUTH}/members/{ann.account_id}/disable", operator)
        assert answer.status_code == 204, answer.text
        for device in (ann, elsewhere):
            await _until_refused(whole, device.access_token, "device-revoked")
        assert time.monotonic() - began_s < REFUSED_WITHIN_S
        for path, given in (
            ("refresh", {"refresh_token": ann.refresh_token}),
            ("", {"email": ann.email, "password": ann.password}),
        ):
            refused = await whole.ask("POST", f"{AUTH}/tokens/{path}".rstrip("/"), json=given)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:matinee:error:account-disabled")

        async def no_streams() -> bool:
            return not [stream for stream in await _streams(whole, operator) if stream["account_id"] == ann.account_id]

        await until(no_streams, REFUSED_WITHIN_S)

    whole.run(scene())


async def _streams(whole: Whole, operator: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await whole.get(f"{PLAYBACK}/streams", operator, limit="100"))["items"]
    return found


async def _until_refused(whole: Whole, token: str, slug: str) -> None:
    async def refused() -> bool:
        answers = (await each(whole, token)).values()
        return all(answer.status_code == 401 and answer.json()["type"] == f"urn:matinee:error:{slug}" for answer in answers)

    await until(refused, REFUSED_WITHIN_S)
