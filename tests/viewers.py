"""What tests against a running platform do as people: operators who ingest, members who watch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cluster.ids import new_id
from cluster.launch.client import PAUSE_S, error_of
from tests.running import Platform, eventually

INGEST_TIMEOUT_S = 240.0


def ingested(platform: Platform, path: Path, *options: str, timeout_s: float = INGEST_TIMEOUT_S) -> str:
    """Ingest and publish a file by the command, wait until members can see it, and return its playable's id."""
    done = platform.command("ingest", "--json", "--maturity", "0", *options, str(path), timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr + done.stdout + platform.logs()
    [outcome] = json.loads(done.stdout)
    assert outcome["published"]
    return str(outcome["playable_id"])


class Viewer:
    """A member with a chosen profile, on one device."""

    def __init__(self, http: httpx.Client, email: str, password: str, profile_id: str) -> None:
        self.http, self.email, self.password, self.profile_id = http, email, password, profile_id

    def ask(self, method: str, path: str, *, retry: bool | None = None, **given: Any) -> httpx.Response:
        """Send a request; a failed idempotent one (by its method, or as `retry` says) is repeated once, after a pause.

        As the command line does: a process that was killed takes a moment to be gone, and without the pause the same one may be asked.
        """
        repeat = method != "POST" if retry is None else retry
        try:
            answer = self.http.request(method, path, **given)
            if answer.status_code < 500 or not repeat:
                return answer
        except httpx.TransportError:
            if not repeat:
                raise
        time.sleep(PAUSE_S)
        return self.http.request(method, path, **given)

    def start(self, playable_id: str) -> dict[str, Any]:
        """Start to watch, as soon as the catalogue's replicas have heard of the title.

        With an Idempotency-Key, so it may be repeated: a kept connection to a replica that leaves can end without an answer.
        """

        def started() -> dict[str, Any] | None:
            key = {"Idempotency-Key": new_id()}
            answer = self.ask("POST", "/api/v1/playback/sessions", json={"playable_id": playable_id}, headers=key, retry=True)
            if answer.status_code in {404, 409, 503}:
                return None
            if not answer.is_success:
                raise error_of(answer)
            return dict(answer.json())

        return eventually(started)

    def beat(self, session_id: str, sequence: int, position_s: float, *, retry: bool = True) -> httpx.Response:
        """Send a heartbeat; it is idempotent, so it may be repeated once."""
        body = {"sequence": sequence, "position_s": position_s}
        return self.ask("POST", f"/api/v1/playback/sessions/{session_id}/heartbeats", json=body, retry=retry)

    def stop(self, session_id: str, position_s: float) -> None:
        """Stop, and save the place."""
        self.ask("DELETE", f"/api/v1/playback/sessions/{session_id}", params={"position_s": position_s})


@contextmanager
def sign_up(platform: Platform) -> Iterator[Viewer]:
    """Sign a new member up and choose the first profile."""
    with httpx.Client(base_url=platform.site_url, timeout=30) as http:
        email, password = f"{new_id()}@example.org", "a long enough sentence"
        signed_up = http.post("/api/v1/auth/accounts", json={"email": email, "password": password, "name": "Viewer"})
        yield _with_profile(http, email, password, signed_up)


@contextmanager
def another_device(platform: Platform, viewer: Viewer) -> Iterator[Viewer]:
    """Sign the same member in on one more device, with the same profile."""
    with httpx.Client(base_url=platform.site_url, timeout=30) as http:
        signed_in = http.post("/api/v1/auth/tokens", json={"email": viewer.email, "password": viewer.password})
        yield _with_profile(http, viewer.email, viewer.password, signed_in)


def _with_profile(http: httpx.Client, email: str, password: str, signed_in: httpx.Response) -> Viewer:
    http.headers["Authorization"] = f"Bearer {signed_in.raise_for_status().json()['access_token']}"
    profile_id = http.get("/api/v1/profiles").raise_for_status().json()["items"][0]["profile_id"]
    chosen = http.post("/api/v1/auth/tokens/profile", json={"profile_id": profile_id}).raise_for_status().json()
    http.headers["Authorization"] = f"Bearer {chosen['access_token']}"
    return Viewer(http, email, password, profile_id)
