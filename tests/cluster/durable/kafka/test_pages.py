"""What is made of the bytes that a broker sends, and of a topic's declaration."""

import struct

import pytest
from aiokafka import errors as driver
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cluster.durable.kafka.faults import unwritten
from cluster.durable.kafka.reading import Damaged, unpack
from cluster.durable.kafka.topics import MESSAGE_LIMIT_BYTES, settings_of
from cluster.durable.store import VALUE_LIMIT_BYTES
from cluster.errors import Indeterminate, InvalidInput, Misconfigured, StoreUnavailable
from cluster.events import AUDIT, Topic


def batch(first: int, *values: bytes) -> bytes:
    """A batch as the broker stores it: the offset of its first record is the broker's."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number, value in enumerate(values):
        builder.append(number, timestamp=1, key=b"k", value=value, headers=[])
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, first)
    return bytes(raw)


def test_records_before_the_offset_and_beyond_the_limit_are_left_out() -> None:
    raw = batch(10, b"a", b"b", b"c") + batch(15, b"d", b"e")
    assert unpack(raw, 11, 10) == ([(11, b"b"), (12, b"c"), (15, b"d"), (16, b"e")], 17)
    assert unpack(raw, 11, 2) == ([(11, b"b"), (12, b"c")], 13)
    assert unpack(raw, 13, 1) == ([(15, b"d")], 16)
    assert unpack(b"", 13, 1) == ([], 13)


def test_a_batch_that_was_cut_short_is_left_for_the_next_page() -> None:
    raw = batch(10, b"a", b"b")
    assert unpack(raw + batch(12, b"c" * 100)[:80], 10, 10) == ([(10, b"a"), (11, b"b")], 12)


def test_a_damaged_batch_is_told_once_what_stands_before_it_was_read() -> None:
    damaged = bytearray(batch(12, b"c" * 100))
    damaged[-10] ^= 1
    raw = batch(10, b"a", b"b") + bytes(damaged)
    assert unpack(raw, 10, 10) == ([(10, b"a"), (11, b"b")], 12)
    with pytest.raises(Damaged) as told:
        unpack(raw[len(batch(10, b"a", b"b")) :], 12, 10)
    assert told.value.offset == 12


def test_a_topic_is_declared_as_the_port_promises() -> None:
    assert settings_of(Topic("films"), 1)["retention.ms"] == str(7 * 86_400_000)
    assert settings_of(AUDIT, 1)["retention.ms"] == str(400 * 86_400_000)
    assert [settings_of(AUDIT, replicas)["min.insync.replicas"] for replicas in (1, 2, 3)] == ["1", "1", "2"]
    assert MESSAGE_LIMIT_BYTES > 2 * VALUE_LIMIT_BYTES


@pytest.mark.parametrize(
    ("sent", "failures", "error"),
    [
        (0, [], StoreUnavailable),
        (0, [driver.KafkaTimeoutError()], StoreUnavailable),
        (0, [driver.MessageSizeTooLargeError()], StoreUnavailable),
        (0, [StoreUnavailable()], StoreUnavailable),
        (0, [Misconfigured()], Misconfigured),
        (3, [StoreUnavailable()], Indeterminate),
        (3, [], Indeterminate),
        (3, [driver.OutOfOrderSequenceNumber()], Indeterminate),
        (2, [driver.MessageSizeTooLargeError()], InvalidInput),
        (2, [driver.MessageSizeTooLargeError(), driver.UnknownError()], Indeterminate),
        (2, [driver.TopicAuthorizationFailedError("films")], StoreUnavailable),
    ],
)
def test_an_append_that_failed_says_whether_something_may_be_written(sent: int, failures: list[Exception], error: type[Exception]) -> None:
    assert type(unwritten(sent, failures)) is error
