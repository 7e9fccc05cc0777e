"""The HTTP routes of operations; operators only."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Path

from cluster.errors import ApplicationNotFound, NotAuthenticated, OperatorOnly, ServiceUnavailable
from serve_apps.http import Gate, Operator, new_api, problems
from serve_apps.operations.policy import ScaleRange
from serve_apps.operations.schemas import ApplicationStatus, Scale, Status
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

    return api
