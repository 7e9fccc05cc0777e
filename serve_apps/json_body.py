"""How request bodies are read: strict JSON, for every route of `new_api`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from cluster.errors import InvalidInput, TooLarge

VALUES_LIMIT: Final = 10_000


class JsonRequest(Request):
    """Reads JSON as RFC 8259 has it: no NaN, no lone surrogates, which no store could keep."""

    async def json(self) -> Any:
        """Return the body; raises InvalidInput, or TooLarge where it holds more values than any route reads."""
        body = await self.body()
        # Each value may be an error of its own, which takes the event loop far longer to tell than to read. Commas in texts count too.
        if body.count(b",") >= VALUES_LIMIT:
            raise TooLarge(f"The body holds more than {VALUES_LIMIT} values", limit_values=VALUES_LIMIT)
        try:
            return msgspec.json.decode(body)
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
