"""An operator's services: some of everything that runs, members, streams and an audit, each of which a test may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.browser.site import catalogue
from tests.browser.site.catalogue import Json
from tests.browser.site.fake import Asked, Fake, Problem

OPERATOR: Final = "a-mira"
MEMBER_NOT_FOUND: Final = Problem(404, "account-not-found", "There is no such account", "")


def ago(seconds: float) -> str:
    """Return a time of the past, as services tell it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


class Booth:
    """What the console shows; change it and the next answer tells."""

    def __init__(self, fake: Fake) -> None:
        self.applications = [
            application("playback", "/api/v1/playback", 3),
            application("catalog", "/api/v1/titles", 2, target=4, state="scaling"),
            application("auth", "/api/v1/auth", 1, state="unhealthy", seats=["running", "unhealthy"], target=2),
            application("search", "/api/v1/search", 2, low=1, high=4),
            application("web", "/", 1),
        ]
        self.edges = [edge(1), edge(2, hits=0, misses=0, disk_limit_bytes=None, disk_free_bytes=None)]
        self.actors = [{"name": "sessions-0", "answers": True}, {"name": "relay", "answers": True}]
        self.jobs: list[Json] = [job()]
        self.members = [
            member(OPERATOR, "Mira Okafor", roles=("member", "operator")),
            member("a-noor", "Noor Haddad"),
            member("a-gone-soon", "Jo Ek"),
        ]
        self.devices = {each["account_id"]: [device("d-1", "Living room"), device("d-2", "Phone")] for each in self.members}
        self.streams = [stream("s-1"), stream("s-2", account_id=OPERATOR, device_id="d-2", state="paused", name="Tidewater")]
        self.audit = [
            act(1, "PUT", "/api/v1/operations/applications/playback/scale"),
            act(2, "POST", "/api/v1/auth/members/a-noor/disable", 503),
        ]
        self._answer(fake)

    def status(self) -> Json:
        return {
            "site_url": "https://films.example",
            "dashboard_url": "http://127.0.0.1:8265",
            "ready": True,
            "applications": self.applications,
            "actors": self.actors,
            "edges": self.edges,
            "live_streams": len(self.streams),
            "jobs": self.jobs,
            "collectable_bytes": 1_800_000_000,
            "log": {"unpublished": 4, "oldest_unpublished_s": 0.4, "topics": {"titles": 31}, "processors": []},
        }

    def _answer(self, fake: Fake) -> None:
        fake.on("/auth/tokens/refresh", catalogue.access_token(roles=("member", "operator")), "POST")
        fake.on("/operations/status", lambda _: self.status())
        fake.on("/operations/applications/*/scale", self._scale, "PUT")
        fake.on("/operations/audit", lambda asked: page(self.audit, asked))
        fake.on("/playback/streams", lambda asked: {**page(self.streams, asked), "total": len(self.streams)})
        fake.on("/playback/streams/*/*", self._stop, "DELETE")
        fake.on("/auth/members", self._find)
        fake.on("/auth/members/*", lambda asked: self._member(asked.path) or MEMBER_NOT_FOUND)
        fake.on("/auth/members/*/devices", lambda asked: page(self.devices[asked.path.split("/")[3]], asked))
        fake.on("/auth/members/*/devices/*", self._sign_out, "DELETE")
        fake.on("/auth/members/*/disable", lambda asked: self._mark(asked, disabled=True), "POST")
        fake.on("/auth/members/*/enable", lambda asked: self._mark(asked, disabled=False), "POST")
        fake.on("/auth/members/*/password-reset", {"reset_path": "/reset#token-of-noor", "expires_at": ago(-3600)}, "POST")

    def _scale(self, asked: Asked) -> Json:
        name = asked.path.split("/")[3]
        found = next(each for each in self.applications if each["name"] == name)
        low, high = asked.body["min_replicas"], asked.body["max_replicas"]
        target = min(max(found["target"], low), high)
        found.update(min_replicas=low, max_replicas=high, target=target, state="healthy" if target == found["replicas"] else "scaling")
        return found

    def _stop(self, asked: Asked) -> None:
        self.streams = [each for each in self.streams if each["session_id"] != asked.path.rpartition("/")[2]]

    def _find(self, asked: Asked) -> Json:
        part = asked.query.get("q", "").lower()
        return page([each for each in self.members if part in f"{each['name']} {each['email']}".lower()], asked)

    def _member(self, path: str) -> Json | None:
        return next((each for each in self.members if each["account_id"] == path.split("/")[3]), None)

    def _sign_out(self, asked: Asked) -> None:
        _, _, _, account_id, _, device_id = asked.path.split("/")
        self.devices[account_id] = [each for each in self.devices[account_id] if each["device_id"] != device_id]

    def _mark(self, asked: Asked, *, disabled: bool) -> None:
        found = self._member(asked.path)
        assert found is not None
        found["disabled"] = disabled


def page(items: list[Json], asked: Asked) -> Json:
    """Answer a piece of a list by the request's limit and cursor."""
    start, limit = int(asked.query.get("cursor", 0)), int(asked.query["limit"])
    return {"items": items[start : start + limit], "next_cursor": str(start + limit) if len(items) > start + limit else None}


def application(
    name: str,
    prefix: str,
    replicas: int,
    *,
    target: int | None = None,
    state: str = "healthy",
    low: int | None = None,
    high: int | None = None,
    seats: list[str] | None = None,
) -> Json:
    wanted = replicas if target is None else target
    return {
        "name": name,
        "prefix": prefix,
        "state": state,
        "replicas": replicas,
        "target": wanted,
        "min_replicas": low or wanted,
        "max_replicas": high or wanted,
        "seats": seats or ["running"] * replicas + ["starting"] * (wanted - replicas),
    }


def edge(number: int, **changed: Any) -> Json:
    return {
        "edge_id": f"edge-{number}",
        "url": f"http://10.0.0.{number}:8090",
        "seen_s_ago": 1.2,
        "hits": 9640,
        "misses": 360,
        "fill_bytes": 4_200_000_000,
        "cache_bytes": 3_100_000_000,
        "disk_limit_bytes": 10_000_000_000,
        "disk_free_bytes": 52_000_000_000,
        **changed,
    }


def job(**changed: Any) -> Json:
    return {
        "job_id": "j-1",
        "upload_id": "u-1",
        "playable_id": "t-bunny",
        "title_id": "t-bunny",
        "name": "Big Buck Bunny",
        "state": "encoding",
        "cancel_requested": False,
        "progress": 0.62,
        "frames_done": 8900,
        "frames_total": 14315,
        "frames_per_s": 88.0,
        "eta_s": 61.5,
        "renditions": [],
        "version_id": None,
        "attempt": 1,
        "error": None,
        "notes": [],
        "created_at": ago(300),
        "updated_at": ago(1),
        **changed,
    }


def member(account_id: str, name: str, *, email: str | None = None, roles: tuple[str, ...] = ("member",), disabled: bool = False) -> Json:
    return {
        "account_id": account_id,
        "email": email or f"{account_id}@example.org",
        "name": name,
        "roles": list(roles),
        "created_at": ago(5 * 86400),
        "disabled": disabled,
    }


def device(device_id: str, name: str) -> Json:
    return {"device_id": device_id, "name": name, "created_at": ago(90_000), "seen_at": ago(240), "current": False}


def stream(session_id: str, **changed: Any) -> Json:
    return {
        "session_id": session_id,
        "account_id": "a-noor",
        "device_id": "d-1",
        "profile_id": "p-noor",
        "playable_id": "t-bunny",
        "title_id": "t-bunny",
        "name": "Big Buck Bunny",
        "started_at": ago(1560),
        "position_s": 734.2,
        "state": "playing",
        **changed,
    }


def act(number: int, method: str, path: str, status: int = 200, *, account_id: str = OPERATOR) -> Json:
    return {
        "audit_id": f"act-{number}",
        "at": ago(60 * number),
        "account_id": account_id,
        "service": path.split("/")[3],
        "method": method,
        "path": path,
        "status": status,
        "request_id": f"r-{number}",
    }
