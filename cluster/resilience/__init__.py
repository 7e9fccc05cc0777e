"""How a call to another service is kept from waiting, piling up and amplifying.

The arithmetic (deadline, retry budget, breaker) is pure: it is told the time and keeps no clock; `calls` enforces it.
"""

from __future__ import annotations

from cluster.resilience.calls import Caller
from cluster.resilience.deadline import Deadline

__all__ = ["Caller", "Deadline"]
