"""How commands on this machine talk to the running instance: over HTTP, signed in as the operator.

Main path: `OperatorClient.request` -> cached access token, else sign-in -> answer, or the error of the problem document.
What shows that this device is known is kept beyond the token, so that wrong passwords of others lock no command out.
Retries once what can be repeated; knows no route but that of signing in.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

from cluster.errors import MatineeError, NotRunning, ServiceUnavailable, Unavailable, WrongCredentials
from cluster.launch.instance import State, read, run_folder
from cluster.settings import Settings

TIMEOUT_S: Final = 30.0
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
PAUSE_S: Final = 0.2
SPARE_S: Final = 30.0
"""A cached token is used no longer than this before its end."""


class _Token(msgspec.Struct, frozen=True):
    api_url: str
    email: str
    access_token: str
    expires_at_s: float
    device_token: str | None = None


class OperatorClient:
    """A signed-in client of the running instance; paths begin with /api/v1. Use it as a context manager.

    The password is MATINEE_OPERATOR_PASSWORD, or the one made at first start, which only the owner of the data can read.
    """

    def __init__(
        self,
        settings: Settings,
        api_url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._api_url, self._now_s = settings, api_url, now_s
        self._http = httpx.Client(base_url=api_url, timeout=TIMEOUT_S, transport=transport)
        self._token: _Token | None = None

    @classmethod
    def of_running(cls, settings: Settings) -> Self:
        """Return a client of the instance of this data directory.

        Raises:
            NotRunning: there is none.
        """
        return cls(settings, running(settings).api_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Free the connections."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a GET."""
        return self.request("GET", path, params=params).json()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """Send a request and return its answer; `idempotent` defaults to what the method says (a POST with a key may say True).

        Raises:
            MatineeError: the problem that was answered, as its own class where the tree has it.
            ServiceUnavailable: nothing answers.
            WrongCredentials: the operator's password does not (or no longer) fit.
        """
        repeat = method in IDEMPOTENT if idempotent is None else idempotent
        fresh = False
        while True:
            try:
                authorised = {"Authorization": f"Bearer {self._access_token(renew=fresh)}", **(headers or {})}
                answer = self._send(method, path, repeat, json=json, content=content, params=params, headers=authorised, timeout=timeout_s)
            except httpx.HTTPError as error:
                raise ServiceUnavailable(f"{self._api_url} does not answer: {error}") from error
            if answer.status_code == 401 and not fresh:
                fresh = True  # the cached token was made before a restart with another secret, or its device was signed out
                continue
            if answer.is_success:
                return answer
            raise error_of(answer)

    def _send(self, method: str, path: str, repeat: bool, **given: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **given)
            if not repeat or answer.status_code < 500:
                return answer
        except httpx.HTTPError:
            if not repeat:
                raise
        time.sleep(PAUSE_S)
        return self._http.request(method, path, **given)

    def _access_token(self, *, renew: bool) -> str:
        token = None if renew else self._token or self._cached()
        if token is None or token.expires_at_s - SPARE_S < self._now_s():
            token = self._sign_in()
        self._token = token
        return token.access_token

    def _sign_in(self) -> _Token:
        email = self._settings.operator_email
        body = {"email": email, "password": operator_password(self._settings), "device_name": "matinee on the command line"}
        kept = self._kept()
        if kept is not None and kept.device_token is not None:
            body["device_token"] = kept.device_token
        answer = self._send("POST", "/api/v1/auth/tokens", True, json=body)
        if not answer.is_success:
            raise error_of(answer)
        told = answer.json()
        token = _Token(self._api_url, email, told["access_token"], self._now_s() + float(told["expires_in_s"]), told.get("device_token"))
        with contextlib.suppress(OSError):  # it only saves the next command a sign-in
            path = self._cache()
            descriptor = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(token))
            path.with_suffix(".new").replace(path)
        return token

    def _cached(self) -> _Token | None:
        token = self._kept()
        return token if token is not None and token.api_url == self._api_url else None

    def _kept(self) -> _Token | None:
        try:
            token = msgspec.json.decode(self._cache().read_bytes(), type=_Token)
        except (OSError, msgspec.MsgspecError):
            return None
        return token if token.email == self._settings.operator_email else None

    def _cache(self) -> Path:
        return run_folder(self._settings.data) / "operator-token"


def running(settings: Settings) -> State:
    """Return the state of the running instance.

    Raises:
        NotRunning: there is none.
    """
    state = read(settings.data)
    if state is None or not state.supervisor.alive:
        raise NotRunning(f"Matinee is not running with {settings.data}: start it with `matinee up`")
    return state


def password_file(settings: Settings) -> Path:
    """Return where the operator's password is kept that was made at the first start."""
    return settings.data / "operator-password"


def operator_password(settings: Settings) -> str:
    """Return the operator's password.

    Raises:
        WrongCredentials: it is neither set nor kept here.
    """
    if settings.operator_password is not None:
        return settings.operator_password.get_secret_value()
    try:
        return password_file(settings).read_text().strip()
    except OSError as error:
        kept = f"{password_file(settings)}: {error.strerror}"
        raise WrongCredentials(f"The operator's password is unknown: set MATINEE_OPERATOR_PASSWORD ({kept})") from error


def error_of(answer: httpx.Response) -> MatineeError:
    """Return the error that a problem document tells of, as its own class where the tree has it."""
    try:
        problem = dict(answer.json())
    except ValueError:
        # HAProxy's own answers are no problem documents.
        return Unavailable(f"{answer.request.url} answered {answer.status_code}")
    slug = str(problem.pop("type", "")).rpartition(":")[2]
    detail = str(problem.pop("detail", "") or problem.get("title", ""))
    for known in ("title", "status", "instance"):
        problem.pop(known, None)
    return _classes().get(slug, MatineeError)(detail, **problem)


def _classes() -> dict[str, type[MatineeError]]:
    found, waiting = dict[str, type[MatineeError]](), [MatineeError]
    while waiting:
        kind = waiting.pop()
        found[kind.slug] = kind
        waiting.extend(kind.__subclasses__())
    return found
