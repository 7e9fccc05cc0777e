"""How a call to another service is kept from waiting, piling up and amplifying.

The arithmetic (deadline, retry budget, breaker) is pure: it is told the time and keeps no clock; `calls` enforces it.
What is left of a request's time goes with it from call to call: `within`, `remaining_s`.
"""

from __future__ import annotations

from cluster.resilience.calls import Caller
from cluster.resilience.deadline import remaining_s, within

__all__ = ["Caller", "remaining_s", "within"]
