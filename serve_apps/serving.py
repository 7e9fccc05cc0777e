"""What every replica on Ray Serve shares: it opens its service, serves its API, and answers typed calls of other services.

Main path: Serve constructs a `Replica` subclass -> `open` -> ASGI requests and `call`s. Knows no domain.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.errors import MatineeError, Overloaded, ServiceUnavailable
from cluster.resilience import remaining_s, within
from serve_apps.trace import Trace, current, traced

RARELY: Final = (10_000, 20, 50)
"""The thresholds of the garbage collector: all that it knows is looked through once in ten million objects more than went."""


class Service(Protocol):
    """A domain service: plain Python, opened in the process that runs it."""

    async def open(self) -> None:
        """Open stores, load snapshots; returns when ready to answer."""
        ...

    async def close(self) -> None:
        """Free everything."""
        ...

    async def check(self) -> None:
        """Raise if this replica should be replaced."""
        ...


class Target(Protocol):
    """Where a typed client sends its calls: a Serve application, or a service in this process (tests)."""

    async def invoke(self, method: str, /, *args: Any) -> Any:
        """Call a method of the service by name; raises its MatineeError, or ServiceUnavailable."""
        ...


class LocalTarget:
    """Calls a service in this process."""

    def __init__(self, service: object) -> None:
        self._service = service

    async def invoke(self, method: str, /, *args: Any) -> Any:
        """See `Target.invoke`."""
        return await getattr(self._service, method)(*args)


class ServeTarget:
    """Calls a Serve application by its handle, looked up at the first call, so applications start in any order."""

    def __init__(self, application: str) -> None:
        self._application = application
        self._handle: Any = None

    async def invoke(self, method: str, /, *args: Any) -> Any:
        """See `Target.invoke`."""
        from ray import serve

        with _ray_errors(self._application, method):
            if self._handle is None:
                self._handle = await asyncio.to_thread(serve.get_app_handle, self._application)
            return await self._handle.call.remote(method, *args, trace=current(), left_s=remaining_s())


class DeploymentTarget:
    """Calls another deployment of the same application, by the handle that Serve binds into a replica."""

    def __init__(self, name: str, handle: Any) -> None:
        self._name, self._handle = name, handle

    async def invoke(self, method: str, /, *args: Any) -> Any:
        """See `Target.invoke`."""
        with _ray_errors(self._name, method):
            return await getattr(self._handle, method).remote(*args)


@contextlib.contextmanager
def _ray_errors(target: str, method: str) -> Iterator[None]:
    from ray.exceptions import RayError, RayTaskError
    from ray.serve.exceptions import BackPressureError, RayServeException

    try:
        yield
    except RayTaskError as error:
        cause = error.cause
        if isinstance(cause, MatineeError):
            raise cause from error
        raise ServiceUnavailable(f"{target}.{method} failed: {type(cause).__name__}", retry_after_s=1) from error
    except BackPressureError as error:
        raise Overloaded(f"{target} has too much to do", retry_after_s=1) from error
    except (RayError, RayServeException) as error:
        raise ServiceUnavailable(f"{target} does not answer", retry_after_s=1) from error


class Replica:
    """Base of the Serve deployments; a subclass' constructor says which service and which API."""

    _service: Service
    _app: ASGIApp
    _callable: frozenset[str]

    async def serve(self, service: Service, app: ASGIApp, callable_methods: frozenset[str] = frozenset()) -> None:
        """Open the service and answer from now on; `callable_methods` are those that other services may call."""
        await service.open()
        # What was read at the start stays, and little that comes later is garbage in a circle: looking through all of a catalogue for some
        # held up every request for most of a second.
        gc.freeze()
        gc.set_threshold(*RARELY)
        self._service, self._app, self._callable = service, app, callable_methods

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return _leaving_request_id(self._app)

    async def call(self, method: str, *args: Any, trace: Trace | None = None, left_s: float | None = None) -> Any:
        """Answer a typed client of another service, as part of what it does and within what is left of its time."""
        if method not in self._callable:
            raise ServiceUnavailable(f"{method} is not offered to other services")
        operation: Callable[..., Awaitable[Any]] = getattr(self._service, method)
        with traced(trace or {}), within(left_s):
            return await operation(*args)

    async def check_health(self) -> None:
        """Answer Serve's health check."""
        await self._service.check()


def _leaving_request_id(app: ASGIApp) -> ASGIApp:
    # Serve gives every request the X-Request-Id that `served` takes over, and puts it into the answer itself: twice is once too often.
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [header for header in message.get("headers", []) if header[0] != b"x-request-id"]}
            await send(message)

        await app(scope, receive, send_without)

    return wrapped
