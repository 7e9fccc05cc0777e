"""How a child process ended, and whether that was its own doing. Starts nothing."""

from __future__ import annotations

import signal
from dataclasses import dataclass

# A program's own ends: it crashed, or wrote more than it may. Every other signal comes from outside.
OWN_SIGNALS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGXFSZ})
NOT_STARTED = frozenset({125, 126, 127})  # child.py's


@dataclass(frozen=True)
class Completed:
    """How a child ended: `returncode` is minus the signal's number if one ended it; `stderr` and `stdout` hold at most what was allowed."""

    returncode: int
    stdout: bytes
    stderr: str
    timed_out: bool = False
    overflowed: bool = False  # it wrote more to stdout than allowed and was killed
    elapsed_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, without an error."""
        return self.returncode == 0 and not self.timed_out and not self.overflowed

    @property
    def interrupted(self) -> bool:
        """Whether it was not its own doing that it ended, or took too long: run again, it may end well."""
        if self.overflowed:
            return False
        return self.timed_out or self.returncode in NOT_STARTED or (self.returncode < 0 and -self.returncode not in OWN_SIGNALS)

    @property
    def reason(self) -> str:
        """Say in a few words why it did not end well; the last line that it wrote, if there is nothing better."""
        if self.timed_out:
            return f"took longer than {self.elapsed_s:.0f} s"
        if self.overflowed:
            return "wrote too much"
        if self.returncode == -signal.SIGXCPU:
            return "used too much processor time"
        if self.returncode == -signal.SIGXFSZ:
            return "wrote too large a file"
        last = self.stderr.strip().rpartition("\n")[2].strip()
        if self.returncode < 0:
            return f"ended by {signal.Signals(-self.returncode).name}"
        return last or f"ended with {self.returncode}"
