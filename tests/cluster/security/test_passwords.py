"""Passwords are verified a few at a time, and in the same time whether they exist or not."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest

from cluster.errors import CorruptData, Overloaded
from cluster.security.passwords import Passwords


def test_a_password_is_known_again_by_its_hash_alone() -> None:
    async def run() -> None:
        passwords = Passwords()
        stored = await passwords.hash("correct horse")
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert await passwords.verify(stored, "correct horse")
        assert not await passwords.verify(stored, "correct horsf")
        assert await passwords.hash("correct horse") != stored
        passwords.close()

    asyncio.run(run())


def test_two_ways_to_type_a_letter_are_one_password() -> None:
    async def run() -> None:
        passwords = Passwords()
        assert await passwords.verify(await passwords.hash("ångström passwort"), "ångström passwort")

    asyncio.run(run())


def test_nothing_is_verified_by_no_password() -> None:
    async def run() -> None:
        passwords = Passwords()
        assert not await passwords.verify(None, "nothing")
        with pytest.raises(CorruptData):
            await passwords.verify("no hash", "nothing")

    asyncio.run(run())


def test_no_account_takes_as_long_as_a_wrong_password() -> None:
    async def run() -> None:
        passwords = Passwords(workers=1)
        stored = await passwords.hash("correct horse")
        took: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(15):
            for known in (True, False):
                started = time.perf_counter()
                await passwords.verify(stored if known else None, "wrong")
                took[known].append(time.perf_counter() - started)
        # Other work on the machine only ever adds: the fastest of each are compared.
        known_s, unknown_s = (statistics.mean(sorted(took[known])[:5]) for known in (True, False))
        assert abs(known_s - unknown_s) < 0.5 * known_s

    asyncio.run(run())


def test_more_than_can_wait_are_refused_at_once_and_later_ones_served() -> None:
    async def run() -> None:
        passwords = Passwords(workers=1, waiting_limit=3)
        results = await asyncio.gather(*(passwords.hash("x" * 10) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(result, Overloaded) for result in results) == 7
        assert await passwords.hash("x" * 10)

    asyncio.run(run())


def test_what_a_thread_has_begun_counts_also_when_nobody_waits_for_it() -> None:
    async def run() -> None:
        passwords = Passwords(workers=1, waiting_limit=1)
        given_up = asyncio.create_task(passwords.hash("x" * 10))
        while not any(job.running() for job in passwords._jobs):  # noqa: ASYNC110
            await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        with pytest.raises(Overloaded):
            await passwords.hash("y" * 10)
        while passwords._jobs:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert await passwords.hash("z" * 10)

    asyncio.run(run())
