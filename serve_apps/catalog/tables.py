"""The catalogue's tables, written by it alone.

`titles`, partition `t00`…`t15` by the title's id: sort `title/<title_id>`, kind `title` (a TitleRecord) or `deleted` (a tombstone,
kept so that a late event does not bring the title back); and the outbox's rows.
"""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table, partition_of

TITLES: Final = Table("titles", Mode.LINEAR, group="catalog")
PARTITIONS: Final = tuple(f"t{number:02d}" for number in range(16))
SORT_PREFIX: Final = "title/"
TITLE: Final = "title"
DELETED: Final = "deleted"


def partition_for(title_id: str) -> str:
    """Return the partition of a title."""
    return PARTITIONS[partition_of(title_id, len(PARTITIONS))]
