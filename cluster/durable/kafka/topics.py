"""Topics as the brokers keep them: made at first use, never changed afterwards.

How many replicas is decided when a topic is made, from the brokers that there are then.
"""

from __future__ import annotations

from typing import Final

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest
from aiokafka.protocol.metadata import MetadataRequest

from cluster.errors import Misconfigured
from cluster.events import Topic

log = structlog.get_logger()

REPLICAS: Final = 3
RETENTION_S: Final = 7 * 86400.0
MESSAGE_LIMIT_BYTES: Final = 3 << 20
"""Room for an event of VALUE_LIMIT_BYTES, and its key again beside it."""
CREATE_TIMEOUT_MS: Final = 4000


async def ensure(client: AIOKafkaClient, node: int, name: str, topic: Topic) -> int:
    """Return how many partitions the topic has; make it if it is missing.

    Raises:
        Misconfigured: it may not be made or looked at.
        KafkaError: the brokers don't answer now, or have only begun to make it: ask again.
    """
    metadata = await client.send(node, MetadataRequest([name], allow_auto_topic_creation=False))
    ((code, _, _, partitions),) = metadata.topics
    error = for_code(code)
    wanted = min(REPLICAS, len(metadata.brokers))
    if error is UnknownTopicOrPartitionError:
        await _create(client, node, name, topic, wanted)
        raise LeaderNotAvailableError
    if error is not NoError:
        if error.retriable:
            raise error
        raise Misconfigured(f"MATINEE_LOG: Kafka's topic {name} cannot be used: {error.__name__}")
    fewest = min((len(replicas) for _, _, _, replicas, *_ in partitions), default=0)
    if fewest < wanted:
        log.warning("a topic has fewer replicas than there are brokers for", topic=name, replicas=fewest, wanted=wanted)
    return len(partitions)


def settings_of(topic: Topic, replicas: int) -> dict[str, str]:
    """Return what Kafka is told of a topic."""
    retention_s = RETENTION_S if topic.retention_s is None else topic.retention_s
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(round(retention_s * 1000)),
        "message.timestamp.type": "LogAppendTime",  # by the brokers' clocks: a writer's may be wrong
        "max.message.bytes": str(MESSAGE_LIMIT_BYTES),
        "min.insync.replicas": "2" if replicas >= REPLICAS else "1",
        "unclean.leader.election.enable": "false",
    }


async def _create(client: AIOKafkaClient, node: int, name: str, topic: Topic, replicas: int) -> None:
    wanted = [(name, topic.partitions, replicas, (), list(settings_of(topic, replicas).items()))]
    answer = await client.send(node, CreateTopicsRequest(wanted, CREATE_TIMEOUT_MS, validate_only=False))
    # Nothing is raised: each topic has its code.
    ((_, code, message),) = answer.topic_errors
    error: type[KafkaError] = for_code(code)
    if error not in {NoError, TopicAlreadyExistsError}:
        if error.retriable or error is InvalidReplicationFactorError:  # a broker has just left: counted again at the next attempt
            raise LeaderNotAvailableError(str(message))
        raise Misconfigured(f"MATINEE_LOG: Kafka makes no topic {name}: {message or error.__name__}")
