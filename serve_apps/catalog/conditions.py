"""How an edit says over HTTP which version of the title it was made from (RFC 9110, section 13; RFC 6585, section 3)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Header, Response

from cluster.errors import Conflict, Forbidden, NotAuthenticated, PreconditionFailed, PreconditionRequired, TitleNotFound
from serve_apps.catalog.policy import Condition
from serve_apps.catalog.service import Answer
from serve_apps.http import json_bytes

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=1000, description="The ETag that this was made from, or *.")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=100, description="*: only if there is none yet.")]

MERGE_PATCH: Final = "application/merge-patch+json"
CHANGING: Final = (NotAuthenticated, Forbidden, TitleNotFound, Conflict, PreconditionFailed, PreconditionRequired)
"""What an edit of a title may answer."""
PUBLISHING: Final = tuple(error for error in CHANGING if error is not PreconditionRequired)
"""What publishing may answer: it needs no If-Match."""

_ETAG: Final = re.compile(r'"([0-9]{1,18})"')


def condition(if_match: str | None, if_none_match: str | None = None, *, required: bool = True) -> Condition:
    """Read the headers; If-Match may list several or be `*`, and a weak tag matches nothing.

    Raises:
        PreconditionRequired: neither is there, though one has to be.
        PreconditionFailed: If-None-Match other than `*`.
    """
    absent = if_none_match is not None
    if if_none_match is not None and if_none_match.strip() != "*":
        raise PreconditionFailed("If-None-Match takes only * here")
    if if_match is None and required and not absent:
        raise PreconditionRequired
    if if_match is None or if_match.strip() == "*":
        return Condition(absent=absent)
    tags = (_ETAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return Condition(frozenset(int(tag[1]) for tag in tags if tag), absent=absent)


def answered(answer: Answer, status: int = 200) -> Response:
    """Return an answer of the service with its ETag."""
    return json_bytes(answer.body, etag=answer.etag, status=status)
