"""Passwords and PINs as argon2id hashes (RFC 9106; the OWASP parameters m=19456, t=2, p=1: about 19 ms on one core).

Main path: hash or verify -> a bounded pool of threads -> argon2, which holds no interpreter lock. Refuses to know whose they are.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from cluster.errors import CorruptData, Overloaded

T = TypeVar("T")

WORKERS: Final = 2
WAITING_LIMIT: Final = 32
"""Verifications at once, those that wait included: about a third of a second's work."""

# What a password is verified against where there is none: the answer takes as long as any.
_NOTHING: Final = "$argon2id$v=19$m=19456,t=2,p=1$bWF0aW5lZSwgbm90aGluZw$uuidIRX2SHHQg9t9yQSZh8YIZ77DPdRKBaO//yJqH+c"


class Passwords:
    """Hashes and verifies, a few at once; refuses more than it can do soon."""

    def __init__(self, *, workers: int = WORKERS, waiting_limit: int = WAITING_LIMIT) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._waiting_limit = waiting_limit
        self._jobs: set[Future[Any]] = set()

    async def hash(self, password: str) -> str:
        """Return the password's hash, parameters and salt included.

        Raises:
            Overloaded: too many wait already.
        """
        return await self._in_pool(lambda: self._hasher.hash(_normalised(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Say whether the password is the one that was hashed; never so for None, in the same time.

        Raises:
            Overloaded: too many wait already.
            CorruptData: what is stored is no hash.
        """
        return await self._in_pool(lambda: self._verified(stored, password))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verified(self, stored: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(stored or _NOTHING, _normalised(password)) and stored is not None
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            raise CorruptData("A stored password hash cannot be read") from error

    async def _in_pool(self, work: Callable[[], T]) -> T:
        if len(self._jobs) >= self._waiting_limit:
            raise Overloaded("Too many sign-ins at the moment", retry_after_s=1)
        job = self._pool.submit(work)
        # Counted until a thread is done with it: a caller who gives up takes back only what no thread has begun.
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)


def _normalised(password: str) -> str:
    # One password typed on two keyboards is one password (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)
