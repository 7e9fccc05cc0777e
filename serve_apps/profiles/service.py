"""The profiles of accounts: made, changed, chosen, removed with their account.

Main path: sign-up -> create_first -> choose (with the PIN) -> a token of auth's that carries the profile.
Creations and deletions change the account's `count` row in the same batch, so that limits hold however many come at once.
Refuses to know passwords and tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from cluster.durable import Change, Delete, Insert, Row, Store, Update, open_store
from cluster.errors import AccountNotFound, Conflict, ProfileNotFound, VersionConflict, WrongPin
from cluster.ids import new_id
from cluster.security.claims import Claims
from cluster.security.passwords import Passwords
from cluster.security.tries import TryLimit
from cluster.settings import Settings
from serve_apps.http import decode_cursor, encode_cursor
from serve_apps.idempotency import Idempotency
from serve_apps.playback.client import PlaybackClient
from serve_apps.profiles import policy
from serve_apps.profiles.choices import Choices
from serve_apps.profiles.policy import StoredProfile
from serve_apps.profiles.schemas import ChosenProfile, NewProfile, PlayerChange, Profile, ProfileChange, ProfilePage
from serve_apps.profiles.tables import CHOICES, PROFILE, PROFILES, REQUESTS

_COUNT = "count"
_LEAVING = "leaving/"
"""Profiles that are deleted, while something of theirs may be left."""
_ATTEMPTS = 8
_CLOSED_S = 86400.0
"""How long a removed account's partition takes no new profile: longer than any token lives."""


class Profiles:
    """The service of profiles."""

    choices: Choices
    idempotency: Idempotency

    def __init__(self, settings: Settings, playback: PlaybackClient, now_s: Callable[[], float] = time.time) -> None:
        self._settings, self._playback, self._now_s = settings, playback, now_s

    async def open(self) -> None:
        """Open the stores."""
        self._store, self._choices, self._requests = await asyncio.gather(
            *(open_store(self._settings.store, table, self._now_s) for table in (PROFILES, CHOICES, REQUESTS))
        )
        self._passwords = Passwords()
        self._pin_tries = TryLimit(self._store, policy.PIN_TRIES, policy.PIN_WINDOW_S, self._now_s)
        self.choices = Choices(self._choices, self._now_s)
        self.idempotency = Idempotency(self._requests, self._now_s)

    async def close(self) -> None:
        """Close the stores."""
        self._passwords.close()
        for store in (self._store, self._choices, self._requests):
            await store.close()

    async def check(self) -> None:
        """Nothing in a replica can go wrong for good: a store that is away is told to each caller."""

    async def page(self, account_id: str, limit: int, cursor: str | None) -> ProfilePage:
        """Return the account's profiles."""
        after = decode_cursor(cursor)
        rows = await self._store.scan(account_id, PROFILE, after=None if after is None else PROFILE + after, limit=limit + 1)
        items = [_profile(row) for row in rows[:limit]]
        return ProfilePage(items=items, next_cursor=encode_cursor(items[-1].profile_id) if len(rows) > limit else None)

    async def get(self, account_id: str, profile_id: str) -> Profile:
        """Return a profile."""
        return _profile(await self._row(account_id, profile_id))

    async def create(self, account_id: str, new: NewProfile, profile_id: str) -> Profile:
        """Make a profile of this id; one that exists already is returned."""
        pin_hash = await self._passwords.hash(new.pin) if new.pin is not None else None
        stored = StoredProfile(**new.model_dump(exclude={"pin"}), created_at_s=self._now_s(), pin_hash=pin_hash)
        for _ in range(_ATTEMPTS):
            row = await self._store.get(account_id, PROFILE + profile_id)
            if row is not None:
                return _profile(row)
            insert = Insert(PROFILE + profile_id, "profile", msgspec.to_builtins(stored))
            try:
                await self._store.batch(account_id, [insert, await self._counted(account_id, 1)])
            except VersionConflict:
                continue
            return _profile(Row(account_id, insert.sort, 1, insert.kind, insert.value))
        raise Conflict("The account's profiles are being changed: try again", retry_after_s=1)

    async def create_first(self, account_id: str, name: str) -> None:
        """Make the account's first profile, unless the account has had one; idempotent."""
        if await self._store.get(account_id, _COUNT) is not None:
            return
        stored = StoredProfile(name, kids=False, maturity=18, language="en", avatar="1", created_at_s=self._now_s())
        profile = Insert(PROFILE + new_id(), "profile", msgspec.to_builtins(stored))
        try:
            await self._store.batch(account_id, [profile, Insert(_COUNT, "count", {"count": 1})])
        except VersionConflict:
            return  # another call made it

    async def change(self, claims: Claims, profile_id: str, change: ProfileChange) -> Profile:
        """Change a profile; one with a PIN from itself, or with the PIN.

        Raises:
            WrongPin: it has a PIN that was neither sent nor shown when it was chosen.
        """
        account_id = claims.account_id
        new_hash = await self._passwords.hash(change.pin) if change.pin is not None else None
        for _ in range(_ATTEMPTS):
            row = await self._row(account_id, profile_id)
            stored = _stored(row)
            if policy.needs_pin(stored, profile_id, claims):
                await self._prove(account_id, profile_id, stored, change.current_pin)
            fields = policy.fields_of(change)
            if "pin" in change.model_fields_set:
                fields["pin_hash"] = new_hash
            try:
                changed = await self._store.compare_and_set(row, msgspec.to_builtins(msgspec.structs.replace(stored, **fields)))
            except VersionConflict:
                continue
            return _profile(changed)
        raise Conflict("The profile is being changed: try again", retry_after_s=1)

    async def remember(self, account_id: str, profile_id: str, change: PlayerChange) -> Profile:
        """Keep what a profile chose in its player: a profile's own token is enough, be it a child's; writes nothing that is so already."""
        for _ in range(_ATTEMPTS):
            row = await self._row(account_id, profile_id)
            stored = _stored(row)
            changed = msgspec.structs.replace(stored, **policy.fields_of(change))
            if changed == stored:
                return _profile(row)
            with contextlib.suppress(VersionConflict):
                return _profile(await self._store.compare_and_set(row, msgspec.to_builtins(changed)))
        raise Conflict("The profile is being changed: try again", retry_after_s=1)

    async def delete(self, claims: Claims, profile_id: str) -> None:
        """Remove a profile with its list, ratings and history; one with a PIN only from itself.

        Raises:
            Unavailable: playback is away: the profile is gone, and a repeated call removes the rest.
            LastProfile: an account keeps one.
            WrongPin: it has a PIN, and another profile is chosen.
        """
        account_id = claims.account_id
        for _ in range(_ATTEMPTS):
            if await self._store.get(account_id, _LEAVING + profile_id) is not None:
                break
            row = await self._row(account_id, profile_id)
            if policy.needs_pin(_stored(row), profile_id, claims):
                raise WrongPin("This profile has a PIN: choose it, then delete it")
            leaving = Insert(_LEAVING + profile_id, "leaving", {})
            try:
                await self._store.batch(account_id, [Delete(row.sort, row.version), leaving, await self._counted(account_id, -1)])
            except VersionConflict:
                continue
            break
        else:
            raise Conflict("The account's profiles are being changed: try again", retry_after_s=1)
        await self.choices.forget(account_id, profile_id)
        await self._playback.forget_profile(account_id, profile_id)
        left = await self._store.get(account_id, _LEAVING + profile_id)
        if left is not None:
            with contextlib.suppress(VersionConflict):
                await self._store.delete(left)

    async def choose(self, account_id: str, profile_id: str, pin: str | None, override: bool) -> ChosenProfile:
        """Return what a token of this profile says; `override`: something stronger than the PIN was proven.

        Raises:
            WrongPin: the profile has another PIN.
            TooManyRequests: too many wrong PINs lately.
        """
        stored = _stored(await self._row(account_id, profile_id))
        pin_proven = False
        if stored.pin_hash is not None and not override:
            await self._prove(account_id, profile_id, stored, pin)
            pin_proven = True
        return ChosenProfile(
            profile_id=profile_id, name=stored.name, kids=stored.kids, maturity=stored.cap, language=stored.language, pin_proven=pin_proven
        )

    async def require(self, account_id: str, profile_id: str) -> None:
        """Raise ProfileNotFound unless the profile exists; tokens outlive it by minutes."""
        await self._row(account_id, profile_id)

    async def delete_all(self, account_id: str) -> None:
        """Remove everything of an account, and let nothing new be made in it; idempotent."""
        while True:
            row = await self._store.get(account_id, _COUNT)
            value, expires_at_s = {"count": 0, "closed": True}, self._now_s() + _CLOSED_S
            try:
                if row is None:
                    await self._store.put_if_absent(account_id, _COUNT, "count", value, expires_at_s=expires_at_s)
                elif not row.value.get("closed"):
                    await self._store.compare_and_set(row, value, expires_at_s=expires_at_s)
            except VersionConflict:
                continue
            break
        # By name, since nobody else knows which profiles an account had; repeated until their rows are gone.
        for prefix in (PROFILE, _LEAVING):
            for each in await self._store.scan(account_id, prefix):
                await self._playback.forget_profile(account_id, each.sort.removeprefix(prefix))
        for store in (self._store, self._requests):
            await _emptied(store, account_id, keep=_COUNT)
        await self.choices.forget(account_id)

    async def _row(self, account_id: str, profile_id: str) -> Row:
        row = await self._store.get(account_id, PROFILE + profile_id)
        if row is None:
            raise ProfileNotFound
        return row

    async def _counted(self, account_id: str, change: int) -> Change:
        row = await self._store.get(account_id, _COUNT)
        if row is None:
            return Insert(_COUNT, "count", {"count": policy.count_after(0, change)})
        if row.value.get("closed"):
            raise AccountNotFound
        return Update(_COUNT, "count", {"count": policy.count_after(row.value["count"], change)}, if_version=row.version)

    async def _prove(self, account_id: str, profile_id: str, stored: StoredProfile, pin: str | None) -> None:
        if pin is None:
            raise WrongPin("This profile has a PIN")
        if not await self._pin_tries.guess(lambda: self._passwords.verify(stored.pin_hash, pin), account_id, f"tries/{profile_id}"):
            raise WrongPin


async def _emptied(store: Store, partition: str, *, keep: str) -> None:
    while rows := [row for row in await store.scan(partition) if row.sort != keep]:
        for row in rows:
            try:
                await store.delete(row)
            except VersionConflict:
                continue  # changed or removed meanwhile: seen again, or not


def _stored(row: Row) -> StoredProfile:
    return msgspec.convert(row.value, StoredProfile)


def _profile(row: Row) -> Profile:
    stored = _stored(row)
    return Profile(
        profile_id=row.sort.removeprefix(PROFILE),
        name=stored.name,
        kids=stored.kids,
        maturity=stored.cap,
        language=stored.language,
        avatar=stored.avatar,
        has_pin=stored.pin_hash is not None,
        created_at=datetime.fromtimestamp(stored.created_at_s, UTC),
        audio_language=stored.audio_language,
        subtitle_language=stored.subtitle_language,
        caption_size=stored.caption_size,
        caption_style=stored.caption_style,
        autoplay_next=stored.autoplay_next,
        watch_languages=list(stored.watch_languages),
    )
