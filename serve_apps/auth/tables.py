"""The tables of auth; keys and revoked devices are declared in cluster.security, because every service reads them."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

ACCOUNTS: Final = Table("accounts", Mode.LINEAR, group="auth")
"""Partition: the account. `account`, `device/<id>`, `outbox/…`; whatever depends on the account has its version in the condition."""
EMAILS: Final = Table("account_emails", Mode.LINEAR, group="auth")
"""Partition: the e-mail's hash. `claim`: the account that it belongs to, or is about to."""
TRIES: Final = Table("sign_in_tries", Mode.LINEAR, group="auth")
"""Partition: an e-mail's hash, or a device that is known."""
DEVICE_CODES: Final = Table("device_codes", Mode.LINEAR, group="auth")
"""Partition: the code that people type. `code`: who waits, and what was decided."""
MEMBERS: Final = Table("members", Mode.PLAIN, group="auth")
"""Partition `members`: an entry an account, as of the account's version, for operators to search."""
CLOSING: Final = Table("closing_accounts", Mode.LINEAR, group="auth")
"""Partition `closing`: accounts whose deletion has begun and must be brought to its end."""
