"""What the page at / lists."""

from __future__ import annotations

from pydantic import BaseModel


class Listed(BaseModel):
    """A service, what it does in half a sentence, and whether it answers."""

    name: str
    prefix: str
    does: str
    runs: bool
