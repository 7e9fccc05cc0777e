"""Models of other programs in the same table: each is a command that gets a folder and writes its ranking there.

Main path: `besides` -> `Beside.fit` -> the command, its output told -> `models.outside`. The command sees none of Matinee's settings.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import processes
from cluster.errors import InvalidInput, Misconfigured
from cluster.launch.instance import unwritable

if TYPE_CHECKING:
    from models.data import Floats, Interactions, Questions, Split
    from models.outside import Outside


class Beside:
    """A command as a recommender of one split: it learns when it is fitted, and answers the test's questions alone."""

    _found: Outside

    def __init__(self, name: str, argv: Sequence[str], split: Split, timeout_s: float, seed: int, tell: Callable[[str], None]) -> None:
        self.name, self._argv = name, [*argv]
        self._split, self._timeout_s, self._seed, self._tell = split, timeout_s, seed, tell

    @property
    def about(self) -> dict[str, Any]:
        """What the command tells of itself."""
        return self._found.about

    def fit(self, train: Interactions, validation: Questions) -> None:
        """Run the command.

        Raises:
            Misconfigured: it cannot be started.
            InvalidInput: it failed, took too long, or wrote what is no ranking.
            StorageFull, StoreUnavailable: its folder cannot be written.
        """
        from models.errors import AnswerRefused
        from models.outside import Outside, write

        with tempfile.TemporaryDirectory(prefix="matinee-beside-") as made:
            folder = Path(made)
            try:
                write(self._split, folder, self._seed)
            except OSError as error:
                raise unwritable(folder, error) from error
            self._run(folder)
            try:
                self._found = Outside.read(self.name, self._split, folder)
            except AnswerRefused as error:
                raise InvalidInput(f"--beside {self.name}: {error}") from error
        if self._found.silent:
            self._tell(f"{self.name} recommends nothing to {self._found.silent} of the {len(self._split.test)} users asked about")

    def scores(self, questions: Questions) -> Floats:
        """Return the places that the command gave."""
        return self._found.scores(questions)

    def _run(self, folder: Path) -> None:
        # What it needs to find its own (HOME, a virtual environment, a GPU), without our secrets.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
        last = ""

        def line(text: str) -> None:
            nonlocal last
            last = text.strip() or last
            self._tell(f"  {self.name}: {text}")

        done = asyncio.run(
            processes.run(
                [*self._argv, str(folder)], cwd=Path.cwd(), timeout_s=self._timeout_s, env=environ, on_line=line, on_error_line=line
            )
        )
        if done.ok:
            return
        if done.timed_out:
            raise InvalidInput(f"--beside {self.name}: it took longer than {self._timeout_s:g} s (--beside-timeout-s)")
        ended = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"ended with {done.returncode}"
        raise InvalidInput(f"--beside {self.name}: the command {ended}; its last line: {last[:300] or '(none)'}")


def besides(asked: Sequence[str]) -> dict[str, list[str]]:
    """Return the commands by their names, of NAME=COMMAND each; the program is looked for as a shell does.

    Raises:
        Misconfigured: one is no such thing, a name is taken, or there is no such program.
    """
    found: dict[str, list[str]] = {}
    for text in asked:
        name, _, command = text.partition("=")
        name = name.strip()
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise Misconfigured(f"--beside {text!r}: {error}") from error
        if not name or not name.isprintable() or "|" in name or not argv:
            raise Misconfigured(f"--beside {text!r}: NAME=COMMAND is asked for, and no | in the name, which stands in a table")
        if name in found:
            raise Misconfigured(f"--beside {name}: another one is called so")
        program = shutil.which(argv[0])
        if program is None:
            raise Misconfigured(f"--beside {name}: there is no program {argv[0]!r}")
        found[name] = [str(Path(program).absolute()), *argv[1:]]
    return found
