"""How request bodies are read: strict JSON, for every route of `new_api`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from cluster.errors import InvalidInput


class JsonRequest(Request):
    """Reads JSON as RFC 8259 has it: no NaN, no lone surrogates, which no store could keep."""

    async def json(self) -> Any:
        """Return the body; raises InvalidInput."""
        try:
            return msgspec.json.decode(await self.body())
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"The body is no JSON: {error}", errors=[{"pointer": "/body", "detail": str(error)}]) from error


class JsonRoute(APIRoute):
    """A route that reads its body by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle
