"""The studio's tables. Uploads and jobs are a partition each; what lists them is kept apart, in plain rows."""

from __future__ import annotations

from typing import Final

from cluster.durable import Mode, Table

UPLOADS: Final = Table("uploads", Mode.LINEAR, group="studio")
"""Partition: an upload. `head`, and `part/<offset>` for each flushed piece."""

JOBS: Final = Table("jobs", Mode.LINEAR, group="studio")
"""Partition: a job. `job`, `plan`, and `done/<task>` for each finished task. In partition `runner` the epoch of their owner."""

LISTS: Final = Table("studio_lists", Mode.PLAIN, group="studio")
"""Partitions `uploads`, `jobs` (all), `active` (jobs that the runner has to look at), `versions` (what lies under media/) and `usage`.

A row is written before the thing that it lists and removed after it: nothing is ever unlisted.
"""

KEYS: Final = Table("studio_keys", Mode.LINEAR, group="studio")
"""Partition: an account. Requests with an Idempotency-Key."""
