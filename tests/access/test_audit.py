"""Whatever an operator changes, in whichever service, stands in the audit with its outcome; what others do does not."""

from __future__ import annotations

from typing import Any

import pytest

from serve_apps.operations.routes import PREFIX as OPERATIONS_PREFIX
from tests.access.operations import OPERATIONS, Audience, Operation, address, split
from tests.access.scene import Scene
from tests.whole.composition import Whole
from tests.whole.people import Person

ACTS = {name: operation for name, operation in OPERATIONS.items() if operation.audience is Audience.OPERATOR}
CHANGING = [name for name in ACTS if split(name)[1] not in {"GET", "HEAD"}]


def test_there_is_something_to_note_in_every_service_that_operators_change() -> None:
    assert {split(name)[0] for name in CHANGING} >= {"auth", "catalog", "studio", "playback", "operations"}


async def audit(whole: Whole, operator: Person) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await whole.get(f"{OPERATIONS_PREFIX}/audit", operator, limit=100))["items"]
    return items


@pytest.mark.parametrize("name", CHANGING)
def test_what_an_operator_did_is_in_the_audit(whole: Whole, operator: Person, name: str) -> None:
    async def scene() -> None:
        scene, operation = Scene(whole, operator), OPERATIONS[name]
        answer = await scene.request(name, operation, "operator")
        assert answer.status_code == operation.status, answer.text
        (latest, *_) = await audit(whole, operator)
        application, method, _ = split(name)
        assert {field: latest[field] for field in ("account_id", "service", "method", "path", "status", "request_id")} == {
            "account_id": operator.account_id,
            "service": application,
            "method": method,
            "path": answer.request.url.path,
            "status": operation.status,
            "request_id": answer.headers["X-Request-Id"],
        }

    whole.run(scene())


@pytest.mark.parametrize("role", ["anonymous", "member", "viewer", "kid", "operators_kid"])
def test_what_is_refused_and_what_members_do_is_not_in_the_audit(whole: Whole, operator: Person, role: str) -> None:
    async def scene() -> None:
        scene = Scene(whole, operator)
        tried: dict[str, Operation] = {
            "operations PUT /applications/{name}/scale": OPERATIONS["operations PUT /applications/{name}/scale"],
            "profiles PUT /me/ratings/{title_id}": OPERATIONS["profiles PUT /me/ratings/{title_id}"],
        }
        await scene.person(role)
        await scene.the("title_id")
        before = await audit(whole, operator)
        for name, operation in tried.items():
            await scene.request(name, operation, role)
        assert await audit(whole, operator) == before

    whole.run(scene())


def test_bodies_and_queries_are_not_in_the_audit(whole: Whole, operator: Person) -> None:
    async def scene() -> None:
        answer = await whole.ask(
            "POST", address("catalog", "/"), operator, json={"kind": "film", "name": "Unspoken"}, params={"token": "unasked"}
        )
        assert answer.status_code == 201, answer.text
        latest = (await audit(whole, operator))[0]
        assert latest["request_id"] == answer.headers["X-Request-Id"]
        assert "Unspoken" not in str(latest)
        assert "unasked" not in str(latest)

    whole.run(scene())
