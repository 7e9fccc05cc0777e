"""Tells the brokers how far a reader is, for tools that show the lag of groups; nothing here reads it back.

The group is a name only: nobody joins it, so its offsets are committed as those of no member.
"""

from __future__ import annotations

from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoBrokersAvailable, NoError, for_code
from aiokafka.protocol.commit import OffsetCommitRequest

_GROUPS: Final = 0
_NO_GENERATION: Final = -1
_NO_MEMBER: Final = ""
_AS_LONG_AS_THE_BROKERS_SAY: Final = -1


async def commit(client: AIOKafkaClient, group: str, name: str, partition: int, offset: int) -> None:
    """Commit an offset of a group.

    Raises:
        KafkaError: the broker that keeps the group's offsets does not take it now.
    """
    if client.get_random_node() is None:
        raise NoBrokersAvailable
    node = await client.coordinator_lookup(_GROUPS, group)
    wanted = [(name, [(partition, offset, "")])]
    answer = await client.send(node, OffsetCommitRequest(group, _NO_GENERATION, _NO_MEMBER, _AS_LONG_AS_THE_BROKERS_SAY, wanted))
    ((_, ((_, code),)),) = answer.topics
    if for_code(code) is not NoError:
        raise for_code(code)
