"""Token families against a model: whatever is rotated, replayed, raced, revoked or left to expire."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from cluster.errors import RefreshReused, TokenInvalid
from serve_apps.auth.families import GRACE_S, Decision, Family, RefreshTokens, begin, decide, parse, rotated
from serve_apps.auth.schemas import NewAccount, SignIn, Tokens
from tests.memory import FOLDER
from tests.serve_apps.auth.conftest import PASSWORD, World

LIFETIME_S = 86400


class Shared:
    """One world for all examples: each takes an account of its own."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory(dir=FOLDER)
        self.world = World(Path(self.directory.name), operator_password=PASSWORD, refresh_token_s=LIFETIME_S)
        self.runner.run(self.world.open())
        self.accounts = 0

    def close(self) -> None:
        self.runner.run(self.world.close())
        self.runner.close()
        self.directory.cleanup()


class ModelDevice:
    """What a device's family should be."""

    def __init__(self, token: str, now_s: float) -> None:
        self.tokens = [token]
        self.rotated_at_s = now_s
        self.alive = True

    def expects(self, generation: int, now_s: float) -> str:
        newest = len(self.tokens) - 1
        if not self.alive or now_s >= self.rotated_at_s + LIFETIME_S:
            return "invalid"
        if generation == newest:
            return "rotated"
        if generation == newest - 1 and now_s - self.rotated_at_s <= GRACE_S:
            return "repeated"
        return "reused"


class Families(RuleBasedStateMachine):
    shared: Shared
    devices = Bundle("devices")

    @initialize(target=devices)
    def sign_up(self) -> Any:
        self.shared.accounts += 1
        self.email = f"n{self.shared.accounts}@example.org"
        tokens = self.run(self.shared.world.auth.sign_up(NewAccount(email=self.email, password=PASSWORD, name="N")))
        self.account_id = tokens.account_id
        self.model: dict[str, ModelDevice] = {}
        return self.known(tokens)

    def known(self, tokens: Tokens) -> str:
        self.model[tokens.device_id] = ModelDevice(tokens.refresh_token, self.shared.world.now_s)
        return tokens.device_id

    def run(self, operation: Any) -> Any:
        return self.shared.runner.run(operation)

    def refresh(self, token: str) -> Tokens | str:
        try:
            tokens: Tokens = self.run(self.shared.world.auth.refresh(token, None))
            return tokens
        except RefreshReused:
            return "reused"
        except TokenInvalid:
            return "invalid"

    @rule(target=devices)
    def sign_in(self) -> Any:
        if len(self.model) >= 4:
            return multiple()
        sign_in = SignIn(email=self.email, password=PASSWORD)
        return self.known(self.run(self.shared.world.auth.sign_in(sign_in, None)))

    @rule(seconds=st.sampled_from([0.5, GRACE_S / 2, GRACE_S, GRACE_S + 0.5, 3600, LIFETIME_S / 2, LIFETIME_S]))
    def time_passes(self, seconds: float) -> None:
        self.shared.world.now_s += seconds

    @rule(device_id=devices, back=st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5]))
    def refresh_with_a_token_seen_before(self, device_id: str, back: int) -> None:
        device, now_s = self.model[device_id], self.shared.world.now_s
        generation = max(0, len(device.tokens) - 1 - back)
        expected = device.expects(generation, now_s)
        answer = self.refresh(device.tokens[generation])
        if expected == "rotated":
            assert isinstance(answer, Tokens)
            assert answer.refresh_token not in device.tokens
            device.tokens.append(answer.refresh_token)
            device.rotated_at_s = now_s
        elif expected == "repeated":
            assert isinstance(answer, Tokens)
            assert answer.refresh_token == device.tokens[-1]
        else:
            assert answer == expected
            if expected == "reused":
                device.alive = False
                assert self.is_written_down(device_id)

    @rule(device_id=devices, tabs=st.integers(2, 4))
    def tabs_race(self, device_id: str, tabs: int) -> None:
        device, now_s = self.model[device_id], self.shared.world.now_s

        async def race() -> list[Any]:
            auth = self.shared.world.auth
            return await asyncio.gather(*(auth.refresh(device.tokens[-1], None) for _ in range(tabs)), return_exceptions=True)

        expected = device.expects(len(device.tokens) - 1, now_s)
        answers = self.run(race())
        if expected == "rotated":
            [successor] = {answer.refresh_token for answer in answers}
            device.tokens.append(successor)
            device.rotated_at_s = now_s
        else:
            assert all(isinstance(answer, TokenInvalid) for answer in answers)

    @rule(device_id=devices, place=st.integers(0, 150), letter=st.sampled_from("0aA_-.é"))
    def forge(self, device_id: str, place: int, letter: str) -> None:
        token = self.model[device_id].tokens[-1]
        place = min(place, len(token) - 1)
        forged = token[:place] + letter + token[place + 1 :]
        if forged != token:
            assert self.refresh(forged) == "invalid"  # and nothing was revoked: the next step would tell

    @rule(device_id=consumes(devices))
    def revoke(self, device_id: str) -> None:
        device = self.model[device_id]
        was_there = device.expects(len(device.tokens) - 1, self.shared.world.now_s) == "rotated"
        self.run(self.shared.world.auth.devices.revoke(self.account_id, [device_id], "revoked"))
        assert self.is_written_down(device_id) or not was_there
        device.alive = False

    def is_written_down(self, device_id: str) -> bool:
        return self.run(self.shared.world.revoked_store.get("revoked", device_id)) is not None

    @invariant()
    def the_devices_that_are_there_are_those_alive(self) -> None:
        if not hasattr(self, "model"):
            return
        present = {each.device_id for each in self.run(self.shared.world.auth.devices.page(self.account_id))}
        now_s = self.shared.world.now_s
        assert present == {each for each, device in self.model.items() if device.expects(len(device.tokens) - 1, now_s) == "rotated"}


def test_families_behave_as_their_model() -> None:
    shared = Shared()
    machine = type("SharedFamilies", (Families,), {"shared": shared})
    try:
        test = machine.TestCase
        test.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
        test().runTest()
    finally:
        shared.close()


TIMES = st.floats(0, 1e9)


@given(st.integers(0, 50), st.integers(0, 60), TIMES, st.floats(0, 1e6))
def test_a_token_that_is_not_current_never_rotates(generation: int, presented: int, rotated_at_s: float, later_s: float) -> None:
    family = Family("seed", generation, rotated_at_s, rotated_at_s + LIFETIME_S)
    decision = decide(family, presented, rotated_at_s + later_s)
    if decision is Decision.ROTATE:
        assert presented == generation
        assert later_s < LIFETIME_S + 1
    if decision is Decision.REPEAT:
        assert presented == generation - 1
        assert later_s <= GRACE_S + 1
    if decision is Decision.REUSED:
        assert presented < generation


@given(st.binary(min_size=16, max_size=32), TIMES)
def test_every_generation_has_a_token_of_its_own_that_nobody_else_makes(secret: bytes, now_s: float) -> None:
    tokens, others = RefreshTokens(secret), RefreshTokens(secret + b"x")
    family = begin(60, now_s)
    told = []
    for _ in range(4):
        token = tokens.current("a" * 32, "d" * 32, family)
        assert tokens.genuine(parse(token), family)
        assert not others.genuine(parse(token), family)
        assert not tokens.genuine(parse(token), begin(60, now_s))
        told.append(token)
        family = rotated(family, 60, now_s)
        assert tokens.genuine(parse(token), family)
    assert len(set(told)) == 4


@given(st.text(max_size=300))
def test_no_text_makes_parsing_fail_otherwise(text: str) -> None:
    try:
        parse(text)
    except TokenInvalid:
        return
    assert text.count(".") == 3
