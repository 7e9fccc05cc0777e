"""The first operator's password, where the settings give none: made up, and kept in a file that only its owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cluster.errors import Misconfigured

FILE: Final = "operator-password"


def made_password() -> str:
    """Return a new password: four groups of five letters and digits, about 100 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def keep_password(data: Path, password: str) -> None:
    """Write the password to `data/operator-password`, which only its owner may read.

    Raises:
        Misconfigured: the file cannot be written.
    """
    path, mine = data / FILE, data / f"{FILE}.{os.getpid()}"
    try:
        data.mkdir(parents=True, exist_ok=True)
        mine.unlink(missing_ok=True)
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        mine.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from error
