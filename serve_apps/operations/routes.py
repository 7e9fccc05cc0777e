"""The HTTP routes of operations; operators only."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Path, Query

from cluster.errors import ApplicationNotFound, InvalidCursor, NotAuthenticated, OperatorOnly, ServiceUnavailable
from serve_apps.http import Gate, Operator, new_api, problems
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.schemas import ApplicationStatus, AuditPage, Scale, Status
from serve_apps.operations.service import Operations

PREFIX: Final = "/api/v1/operations"

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="The application's name.")]


def create_api(operations: Operations, gate: Gate) -> FastAPI:
    """Return the API of one service."""
    api = new_api("operations", PREFIX, gate)

    @api.get("/status", response_model=Status, responses=problems(NotAuthenticated, OperatorOnly, ServiceUnavailable))
    async def status(operator: Operator) -> Status:
        """Say what runs: applications, actors, edges, jobs, the log."""
        return await operations.status()

    @api.put(
        "/applications/{name}/scale",
        response_model=ApplicationStatus,
        responses=problems(NotAuthenticated, OperatorOnly, ApplicationNotFound, ServiceUnavailable),
    )
    async def scale(name: Name, scale: Scale, operator: Operator) -> ApplicationStatus:
        """Set how many replicas an application may have. Kept, and applied again at the next start."""
        return await operations.scale(name, ScaleRange(scale.min_replicas, scale.max_replicas))

    @api.get("/audit", response_model=AuditPage, responses=problems(NotAuthenticated, OperatorOnly, InvalidCursor))
    async def audit(
        operator: Operator,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=512)] = None,
    ) -> AuditPage:
        """List what operators did in every service, the newest first: each request that was let through and is no GET."""
        return await operations.audit(limit, cursor)

    return api
