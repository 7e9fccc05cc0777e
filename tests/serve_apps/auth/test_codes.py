"""The codes of televisions, as RFC 8628 has them: what is typed, and what a device is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cluster.errors import DeviceCodeDecided
from serve_apps.auth import codes
from serve_apps.auth.codes import ALPHABET, INTERVAL_S, JITTER_S, LENGTH, LIFETIME_S, LONGEST_INTERVAL_S, SLOWER_S, Poll
from serve_apps.auth.policy import same_secret

USER_CODES = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)


def test_a_code_has_no_vowels_no_digits_and_nothing_that_looks_like_another() -> None:
    for _ in range(200):
        code = codes.new_user_code()
        assert len(code) == 8
        assert not set(code) & set("AEIOUY0123456789")


@given(USER_CODES, st.booleans(), st.booleans(), st.sampled_from(["", " ", "  "]))
def test_a_code_is_understood_however_it_is_typed(code: str, lower: bool, hyphen: bool, around: str) -> None:
    text = codes.shown(code) if hyphen else code
    assert codes.typed(around + (text.lower() if lower else text) + around) == code


@given(st.text(max_size=20))
def test_what_cannot_be_a_code_is_none(text: str) -> None:
    code = codes.typed(text)
    assert code is None or (len(code) == LENGTH and set(code) <= set(ALPHABET))


@given(USER_CODES)
def test_a_device_code_says_where_it_stands_and_only_its_hash_is_kept(user_code: str) -> None:
    secret, code = codes.waiting("TV", 0.0)
    assert codes.parse(codes.device_code(user_code, secret)) == (user_code, secret)
    assert same_secret(secret, code.secret_hash)
    assert not same_secret(codes.waiting("TV", 0.0)[0], code.secret_hash)
    assert secret not in str(code)


@given(st.text(max_size=100))
def test_no_text_is_a_device_code_by_chance(text: str) -> None:
    assert codes.parse(text) is None


class OneCode(RuleBasedStateMachine):
    """A device that asks, and two accounts that decide; the model is a list of what happened."""

    @initialize()
    def begin(self) -> None:
        self.now_s = 1000.0
        self.expires_at_s = self.now_s + LIFETIME_S
        _, self.code = codes.waiting("TV", self.now_s)
        self.decision: tuple[str, bool] | None = None
        self.let_in = 0
        self.asked_at_s: float | None = None
        self.interval_s = INTERVAL_S

    @rule(passed_s=st.sampled_from([0.0, 1.0, INTERVAL_S - JITTER_S, INTERVAL_S, 11.0, 61.0, LIFETIME_S / 2]))
    def wait(self, passed_s: float) -> None:
        self.now_s += passed_s

    @rule(account=st.sampled_from(["a", "b"]), approved=st.booleans())
    def decide(self, account: str, approved: bool) -> None:
        expired, others = self.now_s >= self.expires_at_s, self.decision is not None and self.decision[0] != account
        assert codes.open_to(self.code, account, self.now_s) == (not expired and not others and not self.let_in)
        if expired or others or self.let_in:
            return
        if self.decision is not None and self.decision[1] != approved:
            with pytest.raises(DeviceCodeDecided):
                codes.decided(self.code, account, "phone", approved=approved)
            return
        self.code = codes.decided(self.code, account, "phone", approved=approved)
        self.decision = (account, approved)

    @rule()
    def ask(self) -> None:
        told = codes.poll(self.code, self.now_s)
        self.code = codes.polled(self.code, told, self.now_s)
        if self.now_s >= self.expires_at_s or self.let_in:
            assert told is Poll.EXPIRED
        elif self.decision is not None:
            assert told is (Poll.APPROVED if self.decision[1] else Poll.DENIED)
            self.let_in += self.decision[1]
        else:
            early = self.asked_at_s is not None and self.now_s - self.asked_at_s < self.interval_s - JITTER_S
            assert told is (Poll.SLOW_DOWN if early else Poll.PENDING)
            if early:
                self.interval_s = min(self.interval_s + SLOWER_S, LONGEST_INTERVAL_S)
            self.asked_at_s = self.now_s

    @invariant()
    def it_lets_one_device_in_at_most(self) -> None:
        if hasattr(self, "let_in"):
            assert self.let_in <= 1
            assert self.code.interval_s == self.interval_s
            assert (self.code.state == "used") == bool(self.let_in)


TestOneCode: Any = OneCode.TestCase
