"""Whatever is no token of ours is refused, and ours say what was signed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from cluster.durable import Row, Store, Table
from cluster.errors import DeviceRevoked, TokenInvalid
from cluster.security import tokens
from cluster.security.claims import Claims
from cluster.security.gate import TokenGate
from cluster.security.keys import PUBLIC_KEYS, SIGNING_KEYS, KeyRing, PublicKeys
from cluster.security.revocation import REVOKED_DEVICES, RevokedDevices, hold_to_kids, revoke
from cluster.security.tokens import TokenSigner, TokenVerifier
from tests.cluster.security.conftest import SECRET, START_S, Clock

Opened = Callable[[Table], Awaitable[Store]]

CLAIMS = Claims(
    "account", "device", ("member",), START_S + 600, profile_id="profile", maturity=12, kids=True, streams=2, issued_at_s=START_S
)


class World:
    def __init__(self, ring: KeyRing, clock: Clock, public: Store) -> None:
        self.ring, self.clock = ring, clock
        self.signer = TokenSigner(ring, clock)
        self.verifier = TokenVerifier(PublicKeys(public, clock), clock)

    def forged(self, header: dict[str, Any] | None = None, key: Any = None, **payload: Any) -> str:
        """A token as the signer makes it, but for what is given."""
        signing = self.ring.signing()
        body = {
            "iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": "account", "exp": int(START_S) + 600, "iat": int(START_S), "jti": "j",
            "device": "device", "roles": ["member"], **payload,
        }  # fmt: skip
        head = {"alg": "ES256", "typ": "at+jwt", "kid": signing.kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        signed = f"{b64(head)}.{b64({n: v for n, v in body.items() if v is not None})}"
        sign = key if callable(key) else partial(es256, key or signing.key)
        return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).decode().rstrip('=')}"


def es256(key: ECKey, signed: bytes) -> bytes:
    r, s = decode_dss_signature(key.private_key.sign(signed, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def world(opened: Opened, clock: Clock) -> World:
    public = await opened(PUBLIC_KEYS)
    ring = KeyRing(await opened(SIGNING_KEYS), public, SECRET, clock)
    await ring.refresh()
    return World(ring, clock, public)


def test_a_signed_token_tells_its_claims(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        w = await world(opened, clock)
        token = w.signer.sign(CLAIMS)
        assert await w.verifier.verify(token) == CLAIMS
        assert await w.verifier.verify(token) == CLAIMS  # from the cache
        assert await w.verifier.verify(w.forged()) == Claims("account", "device", ("member",), START_S + 600, issued_at_s=START_S)

    asyncio.run(run())


RSA = RSAKey.generate_key(2048)
OTHER = ECKey.generate_key("P-256")


def refused_cases(w: World) -> dict[str, str]:
    kid = w.ring.signing().kid
    own = w.ring.signing().key
    pem = own.as_pem(private=False)
    good = w.signer.sign(CLAIMS)
    head, body, signature = good.split(".")
    return {
        "alg none": w.forged({"alg": "none"}, key=lambda _: b""),
        "alg None": w.forged({"alg": "None"}),
        "HS256 with the public key as secret": w.forged({"alg": "HS256"}, key=lambda s: hmac.new(pem, s, hashlib.sha256).digest()),
        "HS256": jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": kid}, {"sub": "a"}, OctKey.import_key("x" * 32)),
        "RS256": jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": kid}, {"sub": "a"}, RSA),
        "another key under our kid": w.forged(key=OTHER),
        "unknown kid": w.forged({"kid": "nobody"}, key=OTHER),
        "no kid": w.forged({"kid": None}),
        "kid that is no string": w.forged({"kid": 7}),
        "jku": w.forged({"jku": "https://evil.example/keys"}),
        "x5u": w.forged({"x5u": "https://evil.example/cert"}),
        "jwk": w.forged({"jwk": OTHER.as_dict(private=False)}, key=OTHER),
        "x5c": w.forged({"x5c": ["AAAA"]}),
        "crit": w.forged({"crit": ["exp"]}),
        "crit b64": w.forged({"crit": ["b64"], "b64": False}),
        "zip": w.forged({"zip": "DEF"}),
        "typ JWT": w.forged({"typ": "JWT"}),
        "no typ": w.forged({"typ": None}),
        "wrong audience": w.forged(aud="other"),
        "audiences": w.forged(aud=["matinee", "other"]),
        "no audience": w.forged(aud=None),
        "wrong issuer": w.forged(iss="urn:other"),
        "no issuer": w.forged(iss=None),
        "expired": w.forged(exp=int(START_S)),
        "no expiry": w.forged(exp=None),
        "expiry as text": w.forged(exp="9999999999"),
        "unknown role": w.forged(roles=["root"]),
        "roles as text": w.forged(roles="operator"),
        "no subject": w.forged(sub=None),
        "altered payload": f"{head}.{b64({'sub': 'other'})}.{signature}",
        "altered signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "five parts": "a.b.c.d.e",
        "empty": "",
        "not ascii": "é.é.é",
        "too long": f"{head}.{body}{'A' * 5000}.{signature}",
        "whitespace": " " + good,
    }


def test_everything_else_is_refused(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        w = await world(opened, clock)
        admitted = []
        for name, token in refused_cases(w).items():
            clock.advance(0.001)
            try:
                await w.verifier.verify(token)
                admitted.append(name)
            except TokenInvalid:
                pass
        assert admitted == []

    asyncio.run(run())


def test_a_token_ends_with_its_time_also_when_it_was_verified_before(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        w = await world(opened, clock)
        token = w.signer.sign(CLAIMS)
        await w.verifier.verify(token)
        clock.advance(600)
        with pytest.raises(TokenInvalid, match="expired"):
            await w.verifier.verify(token)

    asyncio.run(run())


def test_the_cache_of_verified_tokens_is_bounded(opened: Opened, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(tokens, "CACHE_LIMIT", 3)
        w = await world(opened, clock)
        for _ in range(10):
            await w.verifier.verify(w.signer.sign(CLAIMS))
        assert len(w.verifier._verified) == 3

    asyncio.run(run())


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_the_verifier_fail_otherwise(token: str) -> None:
    class Nothing:
        async def scan(self, *args: object, **kwargs: object) -> list[object]:
            return []

    verifier = TokenVerifier(PublicKeys(Nothing()))  # type: ignore[arg-type]
    with pytest.raises(TokenInvalid):
        asyncio.run(verifier.verify(token))


def test_the_gate_refuses_a_revoked_device_after_the_next_poll_and_forgets_it_once_its_tokens_ended(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        w = await world(opened, clock)
        store = await opened(REVOKED_DEVICES)
        revoked = RevokedDevices(store)
        gate = TokenGate(w.verifier, revoked)
        token = w.signer.sign(CLAIMS)
        await revoked.poll()
        assert await gate.admit(token) == CLAIMS
        await revoke(store, ["device", "another"], clock())
        await revoked.poll()
        with pytest.raises(DeviceRevoked):
            await gate.admit(token)
        clock.advance(1300)
        await revoked.poll()
        assert "device" not in revoked

    asyncio.run(run())


def test_on_a_device_that_was_given_to_a_child_only_older_tokens_of_others_end(opened: Opened, clock: Clock) -> None:
    async def run() -> None:
        w = await world(opened, clock)
        store = await opened(REVOKED_DEVICES)
        revoked = RevokedDevices(store)
        gate = TokenGate(w.verifier, revoked)
        account = Claims("account", "device", ("member",), START_S + 3600)
        before, kids = w.signer.sign(account), w.signer.sign(CLAIMS)
        elsewhere = w.signer.sign(msgspec.structs.replace(account, device_id="another"))
        clock.advance(0.2)
        await hold_to_kids(store, "device", clock())
        await gate.admit(before)  # not read yet
        await revoked.poll()
        with pytest.raises(TokenInvalid):
            await gate.admit(before)
        for token in (kids, elsewhere, w.signer.sign(account)):
            await gate.admit(token)
        await revoke(store, ["device"], clock())
        await revoked.poll()
        with pytest.raises(DeviceRevoked):
            await gate.admit(kids)

    asyncio.run(run())


def test_an_open_gate_follows_revocations_by_itself_whatever_fails_on_the_way(
    opened: Opened, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        monkeypatch.setattr("cluster.security.revocation.POLL_INTERVAL_S", 0.01)
        store = await opened(REVOKED_DEVICES)
        revoked = RevokedDevices(store)
        await revoked.open()
        scan, failures = store.scan, [RuntimeError("a surprise"), TimeoutError()]

        async def failing(*args: Any, **kwargs: Any) -> list[Row]:
            if failures:
                raise failures.pop()
            return await scan(*args, **kwargs)

        monkeypatch.setattr(store, "scan", failing)
        await revoke(store, ["device"], clock())
        async with asyncio.timeout(5):
            while "device" not in revoked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await revoked.close()

    asyncio.run(run())
