"""What a person sees while an installation moves: a line that changes in a terminal, and a line for each part that is done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.status import Status


class Telling:
    """Tells on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Show what is being done; where output is no terminal, only what is done."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status("") as status:
            self._status = status
            yield
        self._status = None

    def doing(self, words: str) -> None:
        """Say what is being done now."""
        if self._status is not None:
            self._status.update(words)

    def done(self, words: str) -> None:
        """Say what is done."""
        self._console.print(words, markup=False, highlight=False, soft_wrap=True)
