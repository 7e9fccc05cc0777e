"""Log processors: each follows a topic and keeps what it makes of it, with how far it is, in one write.

`processor` says what one is, `log_processor` runs it, `results` is for those who read what it made, `actor` keeps all of them running.
"""

from actors.processors.log_processor import LogProcessor
from actors.processors.patience import Patience
from actors.processors.plays import PLAYS
from actors.processors.processor import Processor
from actors.processors.profiles import PROFILES

PROCESSORS = (PLAYS, PROFILES)
"""All there are."""

__all__ = ["PLAYS", "PROCESSORS", "PROFILES", "LogProcessor", "Patience", "Processor"]
