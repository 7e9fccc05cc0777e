"""A clock that tests set."""


class Clock:
    """Says the time that it was set to; pass it as `now_s`."""

    def __init__(self, at_s: float = 1_700_000_000.0) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s

    def advance(self, seconds: float) -> None:
        self.at_s += seconds
