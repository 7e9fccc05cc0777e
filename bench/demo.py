"""How long the demo takes to be ready, to play its first title and to play all, and how the services answer meanwhile.

Run as `python -m bench.demo` on an idle machine: starts an instance of its own by `up --demo --detach`.
Wanted of two cores: the first title within 30 s of ready, all within 10 minutes, no failed request.
"""

from __future__ import annotations

import argparse
import itertools
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx

from cluster.launch.demo.fill import MEMBERS
from tests.running import UP_TIMEOUT_S, Platform

PROBE_EVERY_S = 0.25
RENEW_EVERY_S = 240.0
LIMIT_S = 1200.0
PATHS = (
    "/",
    "/api/v1/auth/jwks.json",
    "/api/v1/profiles",
    "/api/v1/titles?kind=film",
    "/api/v1/titles/genres",
    "/api/v1/playback/continue",
)


class Member:
    """One of the demo's members in the first profile; signs in again before the token ends."""

    def __init__(self, site_url: str) -> None:
        self._http = httpx.Client(base_url=site_url, timeout=10)
        self._signed_in_s = -RENEW_EVERY_S

    def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        """Send a request."""
        if time.monotonic() - self._signed_in_s > RENEW_EVERY_S:
            self._sign_in()
        return self._http.request(method, path, **given)  # type: ignore[arg-type]

    def _sign_in(self) -> None:
        account = {"email": MEMBERS[0].email, "password": MEMBERS[0].password, "device_name": "bench"}
        self._bearer(self._http.post("/api/v1/auth/tokens", json=account))
        profile_id = self._http.get("/api/v1/profiles").raise_for_status().json()["items"][0]["profile_id"]
        self._bearer(self._http.post("/api/v1/auth/tokens/profile", json={"profile_id": profile_id}))
        self._signed_in_s = time.monotonic()

    def _bearer(self, answer: httpx.Response) -> None:
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


class Probe:
    """Asks one service after the other, all the time; `took_ms` has each answer, `failures` each that was none."""

    def __init__(self, member: Member) -> None:
        self.took_ms: list[float] = []
        self.failures: list[str] = []
        self._member = member
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stopping.set()
        self._thread.join()

    def _ask(self) -> None:
        for path in itertools.cycle(PATHS):
            began_s = time.monotonic()
            try:
                answer = self._member.ask("GET", path)
                if answer.status_code >= 400:
                    self.failures.append(f"{path}: {answer.status_code}")
            except httpx.HTTPError as error:
                self.failures.append(f"{path}: {error!r}")
            self.took_ms.append((time.monotonic() - began_s) * 1000)
            if self._stopping.wait(PROBE_EVERY_S):
                return


def first_segment(member: Member) -> str:
    """Return the name of a title whose first segment came from the edge; '' while none plays."""
    for title in member.ask("GET", "/api/v1/titles?kind=film").raise_for_status().json()["items"]:
        started = member.ask("POST", "/api/v1/playback/sessions", json={"playable_id": title["title_id"]})
        if started.is_success:
            session = started.json()
            master = httpx.get(session["hls_url"]).raise_for_status()
            playlist = httpx.get(urljoin(str(master.url), entry(master.text))).raise_for_status()
            segment = httpx.get(urljoin(str(playlist.url), entry(playlist.text))).raise_for_status()
            member.ask("DELETE", f"/api/v1/playback/sessions/{session['session_id']}")
            assert segment.content
            return str(title["name"])
    return ""


def entry(playlist: str) -> str:
    """Return the first address of a playlist."""
    return next(line for line in playlist.splitlines() if line and not line.startswith("#"))


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        instance = Platform(Path(folder) / "data")
        began_s = time.monotonic()
        up = instance.command("up", "--demo", "--detach", timeout_s=UP_TIMEOUT_S)
        ready_s = time.monotonic()
        try:
            if up.returncode:
                raise SystemExit(up.stderr)
            print(f"ready after {ready_s - began_s:.1f} s", flush=True)
            member = waiting_for_member(instance.site_url)
            probe = Probe(Member(instance.site_url))
            try:
                while not (name := first_segment(member)):
                    limit(ready_s)
                print(f"{name} plays {time.monotonic() - ready_s:.1f} s after ready", flush=True)
                while not re.match("all|incomplete", instance.state.demo):
                    limit(ready_s)
                print(f"{instance.state.demo} {time.monotonic() - ready_s:.0f} s after ready", flush=True)
            finally:
                probe.stop()
            took_ms = sorted(probe.took_ms)
            p50_ms, p99_ms = statistics.median(took_ms), took_ms[int(len(took_ms) * 0.99)]
            print(f"{len(took_ms)} requests meanwhile: {len(probe.failures)} failed, p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms")
            for failure in probe.failures[:10]:
                print(f"  {failure}")
        finally:
            instance.command("down")


def waiting_for_member(site_url: str) -> Member:
    """Return a member as soon as the demo has signed them up."""
    began_s = time.monotonic()
    while True:
        member = Member(site_url)
        try:
            member.ask("GET", "/api/v1/profiles")
        except httpx.HTTPError:
            limit(began_s)
        else:
            return member


def limit(since_s: float) -> None:
    """Wait a moment, or give up."""
    if time.monotonic() - since_s > LIMIT_S:
        raise SystemExit(f"not within {LIMIT_S:.0f} s")
    time.sleep(0.2)


if __name__ == "__main__":
    main()
