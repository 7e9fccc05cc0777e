"""Who may do what: every operation of every application, a request that does it, and who is let through.

The tests hold this list to the applications' OpenAPI documents in both directions: an operation that is not here fails them.
Names in braces are filled with real ids by scene.py; paths are the documents', so their parameters are filled by name, too.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from PIL import Image

from tests.whole.composition import APPLICATIONS


class Audience(Enum):
    """Who is let through; the value is who that is, and the roles that the OpenAPI document names (None: no token is asked for)."""

    PUBLIC = "everybody, without a token", None
    MEMBER = "a signed-in account, in a profile or not", ()
    GROWN_UP = "a signed-in account, not from a kids profile", ()
    SEER = "an account in a profile, or an operator in none", ()
    VIEWER = "an account in a profile", ("profile",)
    OPERATOR = "an operator, not from a kids profile", ("operator",)

    @property
    def roles(self) -> tuple[str, ...] | None:
        roles: tuple[str, ...] | None = self.value[1]
        return roles


PRIVATE: Final = frozenset({"profile_id", "device_id", "session_id"})
"""What belongs to one account: for all others it does not exist."""


@dataclass(frozen=True)
class Operation:
    """A request that does the operation, and what it answers then."""

    audience: Audience
    status: int = 200
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    """Path parameters that are filled otherwise than by their own name."""
    kid: int | None = None
    """What a kids profile gets where that is not what others of the account get."""
    tells: frozenset[str] = frozenset()
    """Which of a member's secrets, named as in `Scene.secrets`, it is there to show operators."""
    shows: bool = False
    """Gives a title to see: none that the caller must not know of."""


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 30), (200, 30, 60)).save(out, "PNG")
    return out.getvalue()


PUBLIC, MEMBER, GROWN_UP, SEER, VIEWER, OPERATOR = Audience
ANY_VERSION: Final = {"If-Match": "*"}
PATCH: Final = {**ANY_VERSION, "Content-Type": "application/merge-patch+json"}
TUS: Final = {"Tus-Resumable": "1.0.0"}
BYTES: Final = {**TUS, "Content-Type": "application/offset+octet-stream"}
EPISODE: Final = "{title_id}/seasons/{season}/episodes/{episode}"

PLAY_BEGUN: Final = {"kind": "play_begun", "event_id": "e1", "at": "2026-01-01T00:00:00Z", "playable_id": "p1", "title_id": "t1"}

MEMBER_TOLD: Final = frozenset({"Annabel", "e-mail", "member's account_id", "viewer's account_id", "kid's account_id"})
DEVICES_TOLD: Final = frozenset(
    {"Laptop", "Television", "Tablet", "Phone", "device_id", "member's device_id", "viewer's device_id", "kid's device_id"}
)
STREAMS_TOLD: Final = frozenset(
    {f"{role}'s {name}" for role in ("member", "viewer", "kid") for name in ("account_id", "device_id", "profile_id")}
    | {"device_id", "profile_id", "session_id", "kids_session_id"}
)

OPERATIONS: Final[Mapping[str, Operation]] = {
    "auth POST /accounts": Operation(PUBLIC, 201, json={"email": "{new_email}", "password": "{password}", "name": "New"}),
    "auth POST /tokens": Operation(PUBLIC, 201, json={"email": "{email}", "password": "{password}"}),
    "auth GET /tokens": Operation(MEMBER, 204),
    "auth DELETE /tokens": Operation(MEMBER, 204),
    "auth POST /tokens/profile": Operation(MEMBER, json={"profile_id": "{profile_id}"}, kid=403),
    "auth POST /tokens/refresh": Operation(PUBLIC, json={"refresh_token": "{refresh_token}"}),
    "auth GET /account": Operation(GROWN_UP),
    "auth PATCH /account": Operation(GROWN_UP, json={"name": "Renamed"}),
    "auth DELETE /account": Operation(GROWN_UP, 204, json={"password": "{password}"}),
    "auth GET /devices": Operation(GROWN_UP),
    "auth DELETE /devices/{device_id}": Operation(GROWN_UP, 204),
    "auth GET /jwks.json": Operation(PUBLIC),
    "auth POST /device-codes": Operation(PUBLIC, 201, json={"device_name": "A projector"}),
    "auth GET /device-codes/{user_code}": Operation(GROWN_UP),
    "auth POST /device-codes/{user_code}/approve": Operation(GROWN_UP, 204),
    "auth POST /device-codes/{user_code}/deny": Operation(GROWN_UP, 204),
    "auth POST /tokens/device-code": Operation(PUBLIC, 201, json={"device_code": "{device_code}"}),
    "auth POST /password-resets": Operation(PUBLIC, 204, json={"token": "{reset_token}", "password": "another good one"}),
    "auth GET /members": Operation(OPERATOR, tells=MEMBER_TOLD),
    "auth GET /members/{account_id}": Operation(OPERATOR, tells=MEMBER_TOLD),
    "auth GET /members/{account_id}/devices": Operation(OPERATOR, tells=DEVICES_TOLD),
    "auth DELETE /members/{account_id}/devices/{device_id}": Operation(OPERATOR, 204),
    "auth POST /members/{account_id}/disable": Operation(OPERATOR, 204),
    "auth POST /members/{account_id}/enable": Operation(OPERATOR, 204),
    "auth POST /members/{account_id}/password-reset": Operation(OPERATOR, 201),
    "profiles GET /": Operation(MEMBER),
    "profiles POST /": Operation(GROWN_UP, 201, json={"name": "New"}),
    "profiles PUT /me/player": Operation(VIEWER, json={"audio_language": "en", "caption_size": "large"}),
    "profiles GET /me/list": Operation(VIEWER),
    "profiles PUT /me/list/{title_id}": Operation(VIEWER, 204),
    "profiles DELETE /me/list/{title_id}": Operation(VIEWER, 204),
    "profiles GET /me/ratings": Operation(VIEWER),
    "profiles PUT /me/ratings/{title_id}": Operation(VIEWER, 204, json={"rating": 1}),
    "profiles DELETE /me/ratings/{title_id}": Operation(VIEWER, 204),
    "profiles GET /{profile_id}": Operation(MEMBER),
    "profiles PATCH /{profile_id}": Operation(GROWN_UP, json={"name": "Renamed"}),
    "profiles DELETE /{profile_id}": Operation(GROWN_UP, 204),
    "catalog GET /": Operation(SEER),
    "catalog POST /": Operation(OPERATOR, 201, json={"kind": "film", "name": "New"}),
    "catalog GET /genres": Operation(SEER),
    "catalog GET /{title_id}": Operation(SEER, shows=True),
    "catalog PATCH /{title_id}": Operation(OPERATOR, json={"year": 1999}, headers=PATCH),
    "catalog DELETE /{title_id}": Operation(OPERATOR, 204, headers=ANY_VERSION),
    "catalog POST /{title_id}/publish": Operation(OPERATOR),
    "catalog POST /{title_id}/unpublish": Operation(OPERATOR),
    "catalog PUT /{title_id}/markers": Operation(
        OPERATOR, json={"credits": {"start_s": 90}}, headers=ANY_VERSION, at={"title_id": "film_id"}
    ),
    "catalog PUT /{title_id}/artwork/{kind}": Operation(OPERATOR, content=_picture(), headers=ANY_VERSION),
    "catalog DELETE /{title_id}/artwork/{kind}": Operation(OPERATOR, headers=ANY_VERSION),
    f"catalog GET /{EPISODE}": Operation(SEER, shows=True),
    f"catalog PUT /{EPISODE}": Operation(OPERATOR, json={"name": "Renamed"}, headers=ANY_VERSION),
    f"catalog PATCH /{EPISODE}": Operation(OPERATOR, json={"name": "Renamed"}, headers=PATCH),
    f"catalog DELETE /{EPISODE}": Operation(OPERATOR, 204, headers=ANY_VERSION),
    "catalog GET /{title_id}/trailers/{trailer}": Operation(SEER, shows=True),
    "catalog PUT /{title_id}/trailers/{trailer}": Operation(OPERATOR, json={"name": "Renamed"}, headers=ANY_VERSION),
    "catalog DELETE /{title_id}/trailers/{trailer}": Operation(OPERATOR, 204, headers=ANY_VERSION),
    "studio OPTIONS /uploads": Operation(OPERATOR, 204),
    "studio POST /uploads": Operation(OPERATOR, 201, headers={**TUS, "Upload-Length": "10"}),
    "studio HEAD /uploads/{upload_id}": Operation(OPERATOR, headers=TUS),
    "studio PATCH /uploads/{upload_id}": Operation(OPERATOR, 204, content=b"a film", headers={**BYTES, "Upload-Offset": "4"}),
    "studio DELETE /uploads/{upload_id}": Operation(OPERATOR, 204, headers=TUS),
    "studio POST /jobs": Operation(OPERATOR, 202, json={"upload_id": "{whole_upload_id}", "playable_id": "{film_id}"}),
    "studio GET /jobs": Operation(OPERATOR),
    "studio GET /jobs/{job_id}": Operation(OPERATOR),
    "studio POST /jobs/{job_id}/cancel": Operation(OPERATOR, 202),
    "studio POST /jobs/{job_id}/retry": Operation(OPERATOR, 202, at={"job_id": "cancelled_job_id"}),
    "studio GET /jobs/{job_id}/events": Operation(OPERATOR, at={"job_id": "cancelled_job_id"}),
    "studio GET /playables/{playable_id}/candidates": Operation(OPERATOR),
    "studio GET /usage": Operation(OPERATOR),
    "playback POST /sessions": Operation(VIEWER, 201, json={"playable_id": "{playable_id}"}, shows=True),
    "playback GET /sessions": Operation(VIEWER),
    "playback POST /sessions/{session_id}/heartbeats": Operation(VIEWER, json={"sequence": 9, "position_s": 40}),
    "playback DELETE /sessions/{session_id}": Operation(VIEWER, 204, params={"position_s": "50"}),
    "playback GET /streams": Operation(OPERATOR, tells=STREAMS_TOLD),
    "playback DELETE /streams/{account_id}/{session_id}": Operation(OPERATOR, 204),
    "playback GET /continue": Operation(VIEWER),
    "playback GET /history": Operation(VIEWER),
    "playback GET /positions/{playable_id}": Operation(VIEWER),
    "playback GET /titles/{title_id}/places": Operation(VIEWER),
    "playback GET /titles/{title_id}/next": Operation(VIEWER, shows=True),
    "playback DELETE /history/{playable_id}": Operation(VIEWER, 204),
    "search GET /": Operation(SEER, params={"q": "kidsfilm"}),
    "recommendations GET /": Operation(VIEWER),
    "recommendations GET /similar/{title_id}": Operation(SEER, shows=True),
    "telemetry POST /events": Operation(VIEWER, 202, json={"events": [PLAY_BEGUN]}),
    "operations GET /status": Operation(OPERATOR),
    "operations GET /audit": Operation(OPERATOR, tells=STREAMS_TOLD),
    "operations PUT /applications/{name}/scale": Operation(OPERATOR, json={"min_replicas": 1, "max_replicas": 2}),
    "web GET /": Operation(PUBLIC),
}

PUBLIC_PAGES: Final = ("/docs", "/openapi.json")
"""What every application shows to everybody beside its operations."""


def split(name: str) -> tuple[str, str, str]:
    """Return application, method and path of an operation's name."""
    application, method, path = name.split(" ")
    return application, method, path


def address(application: str, path: str) -> str:
    """Return where an application has a path; the list of a prefix is the prefix itself."""
    prefix = APPLICATIONS[application].rstrip("/")
    return prefix if prefix and path == "/" else prefix + path
