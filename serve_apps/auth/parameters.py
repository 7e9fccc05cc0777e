"""The parameters that several routes of auth take."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query

from cluster.errors import DeviceRevoked, MatineeError, NotAuthenticated, TokenInvalid

AccountId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
DeviceId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=256)]
SIGNED_IN: Final[tuple[type[MatineeError], ...]] = (NotAuthenticated, TokenInvalid, DeviceRevoked)
"""What a route may answer that takes a token."""
