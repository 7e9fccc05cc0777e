"""Every operation of every OpenAPI document, tried by everybody: who may, does; who may not, is told nothing and changes nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.access.operations import OPERATIONS, PRIVATE, PUBLIC_PAGES, Audience, Operation, address, split
from tests.access.scene import ROLES, Scene, fields_of
from tests.whole.composition import APPLICATIONS, Whole
from tests.whole.people import Person

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def documented(whole: Whole) -> dict[str, dict[str, Any]]:
    """Every operation of the applications' documents, named as in OPERATIONS."""
    found = {}
    for application in APPLICATIONS:
        document = whole.run(whole.get(address(application, "/openapi.json")))
        for path, item in document["paths"].items():
            for method in METHODS & item.keys():
                found[f"{application} {method.upper()} {path}"] = {"security": document.get("security", []), **item[method]}
    return found


@pytest.fixture(scope="module")
def scene(whole: Whole, operator: Person) -> Scene:
    """Account A, complete; only requests that change nothing are made in it."""
    scene = Scene(whole, operator)
    whole.run(scene.complete())
    return scene


def expected(role: str, name: str, operation: Operation) -> tuple[int, str | None]:
    """Return the status and the problem that a role must get."""
    audience = operation.audience
    if audience is Audience.PUBLIC:
        return operation.status, None
    if role == "anonymous":
        return 401, "not-authenticated"
    if audience is Audience.OPERATOR and role != "operator":
        return 403, "operator-only"
    if audience is Audience.VIEWER and role in {"member", "operator"}:
        return 403, "profile-required"
    if audience is Audience.SEER and role == "member":
        return 403, "profile-required"
    if audience is Audience.GROWN_UP and role in {"kid", "operators_kid"}:
        return 403, "forbidden"
    foreign = audience is not Audience.OPERATOR and PRIVATE & fields_of(operation, name)
    if role in {"other", "operator", "operators_kid"} and foreign:
        return 404, None
    if role == "kid" and operation.kid is not None:
        return operation.kid, None
    return operation.status, None


def changes(name: str) -> bool:
    return split(name)[1] not in {"GET", "HEAD", "OPTIONS"}


def leaked(answer: httpx.Response, secrets: dict[str, str]) -> list[str]:
    """Return which secrets an answer tells, but for those that its request named itself."""
    request = answer.request
    asked = f"{request.url} {dict(request.headers)} {request.content!r}"
    told = f"{answer.text} {dict(answer.headers)}"
    return [name for name, secret in secrets.items() if secret in told and secret not in asked]


def test_every_documented_operation_is_classified_and_says_its_security(documented: dict[str, dict[str, Any]]) -> None:
    assert documented.keys() == OPERATIONS.keys()
    for name, described in documented.items():
        roles = OPERATIONS[name].audience.roles
        assert described["security"] == ([] if roles is None else [{"HTTPBearer": list(roles)}]), name


def test_no_document_hides_a_refusal(documented: dict[str, dict[str, Any]]) -> None:
    for name, operation in OPERATIONS.items():
        statuses = {expected(role, name, operation)[0] for role in ROLES} if operation.audience is not Audience.PUBLIC else set()
        assert {str(status) for status in statuses} <= documented[name]["responses"].keys(), name


@pytest.mark.parametrize("application", APPLICATIONS)
def test_its_documents_are_for_everybody(whole: Whole, application: str) -> None:
    for page in PUBLIC_PAGES:
        assert whole.run(whole.ask("GET", address(application, page))).status_code == 200


def seen_by_its_owners(scene: Scene) -> dict[str, str]:
    """Return everything that A and the operator read of what the scene holds."""
    moving = {
        "operations GET /status",
        "studio GET /usage",
        "studio GET /jobs/{job_id}/events",
        "playback GET /streams",
        "operations GET /audit",
    }
    pages = {}
    for role in ("viewer", "kid", "operator"):
        for name, operation in OPERATIONS.items():
            if not changes(name) and name not in moving and expected(role, name, operation)[0] == operation.status:
                answer = scene.whole.run(scene.request(name, operation, role))
                assert answer.status_code == operation.status, answer.text
                pages[f"{name} for {role}"] = answer.text + str(answer.headers.get("upload-offset"))
    return pages


@pytest.mark.parametrize("role", ROLES)
def test_who_may_not_is_refused_told_nothing_and_changes_nothing(scene: Scene, role: str) -> None:
    before = seen_by_its_owners(scene)
    wrong: list[tuple[object, ...]] = []
    for name, operation in OPERATIONS.items():
        status, slug = expected(role, name, operation)
        if status == operation.status:
            continue
        answer = scene.whole.run(scene.request(name, operation, role))
        problem = answer.json() if split(name)[1] != "HEAD" else {"type": f"urn:matinee:error:{slug}"}
        if answer.status_code != status or (slug is not None and problem["type"] != f"urn:matinee:error:{slug}"):
            wrong.append((name, answer.status_code, status, answer.text))
        hidden = scene.beyond_kids() if role == "kid" else {} if role in {"member", "viewer"} else scene.secrets()
        wrong += [(name, "tells", secret, answer.text) for secret in leaked(answer, hidden)]
    assert wrong == []
    assert seen_by_its_owners(scene) == before


@pytest.mark.parametrize("role", ROLES)
def test_who_may_does_it_and_is_told_of_nobody_else(scene: Scene, role: str) -> None:
    wrong: list[tuple[object, ...]] = []
    for name, operation in OPERATIONS.items():
        public, private = operation.audience is Audience.PUBLIC, bool(PRIVATE & fields_of(operation, name))
        if expected(role, name, operation)[0] != operation.status or public != (role == "anonymous"):
            continue
        if role == "operator" and operation.audience is not Audience.OPERATOR and changes(name):
            continue  # an operator's own account is like any other's, and this one is still needed
        if role == "operators_kid" and (changes(name) or private):
            continue
        # What changes something gets an account, and a shelf, of its own.
        own = Scene(scene.whole, scene.whole.run(scene.the("operator"))) if changes(name) else scene
        answer = scene.whole.run(own.request(name, operation, role))
        if answer.status_code != operation.status:
            wrong.append((name, answer.status_code, operation.status, answer.text))
        if role in {"other", "operator", "operators_kid"}:
            told = set(leaked(answer, scene.secrets() | own.secrets()))
            wrong += [(name, "tells", secret, answer.text) for secret in told - operation.tells]
        if role in {"kid", "operators_kid"}:
            wrong += [(name, "tells", secret, answer.text) for secret in leaked(answer, scene.beyond_kids() | own.beyond_kids())]
        if role in {"viewer", "other"}:
            wrong += [(name, "tells", secret, answer.text) for secret in leaked(answer, scene.drafts() | own.drafts())]
    assert wrong == []


HIDDEN = {"kid": ("adult_id", "adult_series_id", "draft_id"), "operators_kid": ("adult_id", "adult_series_id", "draft_id"),
          "viewer": ("draft_id",), "other": ("draft_id",)}  # fmt: skip


@pytest.mark.parametrize("role", HIDDEN)
def test_a_title_that_is_not_for_them_is_not_shown(scene: Scene, role: str) -> None:
    wrong: list[tuple[object, ...]] = []
    for name, operation in OPERATIONS.items():
        if not operation.shows:
            continue
        for hidden in HIDDEN[role]:
            title_id = scene.whole.run(scene.the(hidden))
            for playable_id in (title_id, f"{title_id}-s01e01", f"{title_id}-t01"):
                answer = scene.whole.run(scene.request(name, operation, role, title_id=title_id, playable_id=playable_id))
                # Playback may say that a title is above the profile's cap: then a player can say why. It says no more.
                above = name.startswith("playback") and not hidden.startswith("draft")
                if answer.status_code not in ({403, 404, 409} if above else {404}):
                    wrong.append((name, hidden, answer.status_code, answer.text))
                wrong += [(name, hidden, "tells", secret) for secret in leaked(answer, scene.beyond_kids())]
    assert wrong == []
