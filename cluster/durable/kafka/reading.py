"""What is read from a partition's leader: pages of records, and offsets.

A read of the port is one Fetch of Kafka's protocol, and nothing is kept between two of them. The driver's consumer is built for one
stream that nobody else reads: it fetches ahead of one position a partition, and each seek waits for the fetch that is under way.
"""

from __future__ import annotations

from typing import Final

import msgspec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, NoError, OffsetOutOfRangeError, StaleMetadata, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

LATEST: Final = -1
EARLIEST: Final = -2
PAGE_LIMIT_BYTES: Final = 1 << 20
PAGE_LEAST_BYTES: Final = 64 << 10
_LIKELY_RECORD_BYTES: Final = 2 << 10
_READ_UNCOMMITTED: Final = 0
_ANYBODY: Final = -1


class Damaged(Exception):
    """The first record cannot be taken out of its batch."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


class Page(msgspec.Struct, frozen=True):
    """Records in a row."""

    records: list[tuple[int, bytes]]
    following: int
    """Where the next record stands at least."""
    end: int


async def page(client: AIOKafkaClient, node: int, name: str, partition: int, offset: int, limit: int) -> Page:
    """Return up to `limit` records from `offset` on, or from the oldest kept; at once, with what is there.

    Raises:
        Damaged: the first cannot be taken out of its batch.
    """
    code, end, raw = await _fetch(client, node, name, partition, offset, limit)
    if for_code(code) is OffsetOutOfRangeError:
        oldest = await offset_of(client, node, name, partition, EARLIEST)
        if offset >= oldest:
            end = await offset_of(client, node, name, partition, LATEST)
            return Page([], following=end, end=end)
        offset = oldest
        code, end, raw = await _fetch(client, node, name, partition, offset, limit)
    if for_code(code) is not NoError:
        raise for_code(code)
    records, following = unpack(raw, offset, limit)
    if following == offset < end:
        raise StaleMetadata(f"Nothing came from {offset} of {name}/{partition}, whose end is {end}")
    return Page(records, following, end)


async def offset_of(client: AIOKafkaClient, node: int, name: str, partition: int, which: int) -> int:
    """Return the offset of the oldest record kept (EARLIEST), or of the next one acknowledged (LATEST)."""
    answer = await client.send(node, OffsetRequest(_ANYBODY, _READ_UNCOMMITTED, [(name, [(partition, which)])]))
    ((_, ((_, code, _, offset),)),) = answer.topics
    if for_code(code) is not NoError:
        raise for_code(code)
    return int(offset)


def unpack(raw: bytes, offset: int, limit: int) -> tuple[list[tuple[int, bytes]], int]:
    """Return up to `limit` records from `offset` on, and where the next one stands at least.

    Raises:
        Damaged: the first cannot be taken out of its batch.
    """
    found: list[tuple[int, bytes]] = []
    following = offset
    batches = MemoryRecords(raw)
    try:
        while batches.has_next():
            batch = batches.next_batch()
            if not batch.validate_crc():
                raise CorruptRecordException("its checksum does not fit")
            if not batch.is_control_batch:
                for record in batch:
                    if record.offset < offset:  # a fetch begins with the whole batch that holds the offset
                        continue
                    found.append((record.offset, record.value or b""))
                    following = record.offset + 1
                    if len(found) == limit:
                        return found, following
            following = max(following, batch.next_offset)
    except CorruptRecordException as error:
        if not found:
            raise Damaged(following, str(error)) from error
    return found, following


async def _fetch(client: AIOKafkaClient, node: int, name: str, partition: int, offset: int, limit: int) -> tuple[int, int, bytes]:
    # What a page does not use is fetched again for the next one.
    size_bytes = min(max(limit * _LIKELY_RECORD_BYTES, PAGE_LEAST_BYTES), PAGE_LIMIT_BYTES)
    wanted = [(name, [(partition, offset, size_bytes)])]
    answer = await client.send(node, FetchRequest(0, 1, size_bytes, _READ_UNCOMMITTED, wanted))
    ((_, ((_, code, end, *_, raw),)),) = answer.topics
    return code, end, raw or b""
