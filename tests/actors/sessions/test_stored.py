"""What earlier versions stored is read by this one: a row below is only ever added, never changed."""

from __future__ import annotations

from typing import Any

import pytest

from actors.sessions.rows import read_account, read_ended, read_place, read_pulses
from actors.sessions.stream import Ended, Place, Pulse, Stream
from cluster.durable import Row
from cluster.errors import CorruptData

STREAM_1: dict[str, Any] = {
    "session_id": "0190",
    "device_id": "tv",
    "profile_id": "adult",
    "playable_id": "film",
    "title_id": "film",
    "kind": "film",
    "name": "A film",
    "maturity": 12,
    "duration_s": 5400.0,
    "credits_s": 5300.0,
    "position_s": 12.5,
    "paths_expire_at_s": 1700050000.0,
    "started_at_s": 1700000000.0,
    "renewed_at_s": 1700000000.0,
    "turn": 7,
}
PULSE_1: dict[str, Any] = {"session_id": "0190", "sequence": 3, "at_s": 1700000030.0, "position_s": 42.0, "state": "paused"}
PLACE_1: dict[str, Any] = {
    "playable_id": "film",
    "title_id": "film",
    "kind": "film",
    "position_s": 42.0,
    "duration_s": 5400.0,
    "credits_s": None,
    "updated_at_s": 1700000030.0,
    "session_id": "0190",
}
STREAM_2 = STREAM_1 | {"turn": 9, "start_turn": 7}
ENDED_1: dict[str, Any] = {"ending": "silent", "device_id": "tv", "paths_expire_at_s": 1700050000.0}
ENDED_2 = ENDED_1 | {"at_s": 1700000300.0, "stream": STREAM_2}
OWNER_1 = Row("anna", "owner", 4, "owner", {"epoch": 3, "turn": 9})
OWNER_2 = Row("anna", "owner", 5, "owner", {"epoch": 3, "turn": 9, "ended": {"0189": 1700050000.0}})


@pytest.mark.parametrize("more", [{}, {"of_a_later_version": 1}])
def test_every_stored_version_is_read(more: dict[str, Any]) -> None:
    account = read_account("anna", OWNER_1, [Row("anna", "stream/tv", 2, "stream", STREAM_1 | more)])
    assert (account.version, account.epoch, account.turn) == (4, 3, 9)
    assert account.streams["tv"].stream == Stream(**STREAM_1)
    assert account.streams["tv"].stream.order == 7
    account = read_account("anna", OWNER_2, [Row("anna", "stream/tv", 2, "stream", STREAM_2 | more)])
    assert account.ended == {"0189": 1700050000.0}
    assert account.streams["tv"].stream.order == 7
    assert read_ended(Row("anna", "ended/0190", 1, "ended", ENDED_1 | more)) == Ended(**ENDED_1)
    assert read_ended(Row("anna", "ended/0190", 1, "ended", ENDED_2 | more)).stream == Stream(**STREAM_2)
    assert read_pulses([Row("anna", "beat/tv", 1, "beat", PULSE_1 | more)]) == [Pulse(**PULSE_1)]
    assert read_place(Row("anna", "place/adult/film", 1, "place", PLACE_1 | more)) == Place(**PLACE_1)


def test_damaged_rows_are_told_apart_from_missing_ones() -> None:
    with pytest.raises(CorruptData):
        read_account("anna", OWNER_1, [Row("anna", "stream/tv", 2, "stream", {"session_id": "0190"})])
    with pytest.raises(CorruptData):
        read_account("anna", Row("anna", "owner", 1, "owner", {}), [])
    with pytest.raises(CorruptData):
        read_ended(Row("anna", "ended/0190", 1, "ended", {}))
    with pytest.raises(CorruptData):
        read_place(Row("anna", "place/adult/film", 1, "place", {}))
    assert read_pulses([Row("anna", "beat/tv", 1, "beat", {}), Row("anna", "beat/tv", 1, "beat", PULSE_1)]) == [Pulse(**PULSE_1)]
