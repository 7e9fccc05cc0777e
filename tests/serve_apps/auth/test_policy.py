"""The pure decisions of auth."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import AccountDisabled, WeakPassword, WrongPin
from serve_apps.auth.policy import (
    Account,
    DeviceProofs,
    email_hash,
    folded,
    normalised_email,
    require_enabled,
    require_may_leave,
    require_strong,
    same_origin,
)

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(st.emails())
def test_spellings_of_one_email_are_one(email: str) -> None:
    assert email_hash(email.upper().lower()) == email_hash(email.lower())
    assert email_hash(f" {email} ") == email_hash(email)
    assert normalised_email(normalised_email(email)) == normalised_email(email)


@given(st.text(max_size=200))
def test_no_accepted_password_is_short_uniform_or_the_email(password: str) -> None:
    try:
        require_strong(password, "ann.example@example.org")
    except WeakPassword:
        return
    assert len(password) >= 3
    assert password.casefold() not in {"ann.example@example.org", "ann.example"}


@pytest.mark.parametrize("password", ["correct horse battery", "Tr0ub4dor&3 x", "пароль из слов", "ｆｕｌｌｗｉｄｔｈ ｔｅｘｔ"])
def test_good_passwords_are_accepted(password: str) -> None:
    require_strong(password, "ann@example.org")


@given(st.text(max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_a_search_finds_any_part_of_a_name_in_whatever_case(name: str, begin: int, end: int) -> None:
    assert folded(name[begin:end]) in folded(name)
    assert folded(name[begin:end].casefold()) in folded(name)


def test_a_search_knows_no_accents() -> None:
    assert [folded(name) for name in ("Müller", "ÉLODIE", " Ångström ", "Straße", "Ｗｉｄｅ")] == [
        "muller",
        "elodie",
        "angstrom",
        "strasse",
        "wide",
    ]


def test_an_account_stored_by_an_earlier_version_is_enabled_and_has_no_reset_link() -> None:
    stored = {
        "email": "ann@example.org",
        "email_hash": "00",
        "name": "Ann",
        "password_hash": "$argon2id$",
        "roles": ["member"],
        "created_at_s": 1.0,
    }
    account = msgspec.convert(stored, Account)
    assert (account.disabled, account.reset, account.closing) == (False, None, False)
    require_enabled(account)
    with pytest.raises(AccountDisabled):
        require_enabled(msgspec.structs.replace(account, disabled=True))


@given(IDS, IDS, IDS)
def test_a_device_proof_is_good_for_its_account_only(account: str, other: str, device: str) -> None:
    proofs = DeviceProofs(b"secret of this installation")
    proof = proofs.of(account, device)
    assert proofs.device_of(proof, account) == device
    assert proofs.device_of(proof, None) is None
    assert (proofs.device_of(proof, other) == device) == (other == account)
    assert DeviceProofs(b"secret of another one").device_of(proof, account) is None


@given(st.text(max_size=100), IDS)
def test_no_text_is_a_proof_by_chance(text: str, account: str) -> None:
    assert DeviceProofs(b"secret of this installation").device_of(text, account) is None


@given(
    st.text(max_size=60)
    | st.sampled_from(["http://[", "https://films.example.org.evil", "https://x@films.example.org", "https://films.example.org:444"])
)
def test_another_origin_is_not_ours(origin: str) -> None:
    assert not same_origin({"origin": origin, "host": "films.example.org"}, "https://films.example.org")


def test_fetch_metadata_wins_over_origin() -> None:
    ours = {"origin": "http://host", "host": "host"}
    assert same_origin(ours, "http://other")
    assert not same_origin({**ours, "sec-fetch-site": "cross-site"}, "http://host")
    assert same_origin({"sec-fetch-site": "same-origin"}, "http://host")
    assert not same_origin({}, "http://host")


@given(st.none() | IDS, IDS, st.booleans())
def test_only_a_proof_leads_out_of_a_kids_profile(locked_in: str | None, chosen: str, proven: bool) -> None:
    try:
        require_may_leave(locked_in, chosen, proven=proven)
        left = True
    except WrongPin:
        left = False
    assert left == (proven or locked_in in {None, chosen})
