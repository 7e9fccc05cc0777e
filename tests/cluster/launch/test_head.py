"""What the head tells of its end, and when."""

from __future__ import annotations

import pytest

from cluster.errors import Misconfigured, StartFailed
from cluster.launch import head
from cluster.launch.told import Told


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (StartFailed("auth does not start"), 1, "auth does not start"),
        (Misconfigured("a variable is missing"), 2, "a variable is missing"),
        (RuntimeError("the proxy was killed"), 1, "RuntimeError: the proxy was killed"),
    ],
)
def test_the_reason_is_told_before_ray_ends(monkeypatch: pytest.MonkeyPatch, failure: Exception, code: int, said: str) -> None:
    events: list[str] = []

    class Failing:
        def __init__(self, *_: object) -> None: ...

        def run(self) -> None:
            raise failure

        def tell(self, told: Told) -> None:
            events.append(told.failed)

        def stop(self) -> None:
            events.append("Ray ends")

    monkeypatch.setattr(head, "Head", Failing)
    monkeypatch.setattr("sys.argv", ["head", "", "run"])
    with pytest.raises(SystemExit) as ended:
        head.main()
    assert ended.value.code == code
    assert events == [said, "Ray ends"]
