"""Every application answers everybody as its OpenAPI document says, and never with 5xx, in a system that has something in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.access.operations import OPERATIONS, split
from tests.access.scene import Scene, inputs_of
from tests.serve_apps.schema_check import check_api
from tests.whole import people
from tests.whole.composition import APPLICATIONS, Whole, running
from tests.whole.people import Person

EXAMPLES = {
    "auth": {"viewer": 3, "kid": 1, "operator": 3, "anonymous": 2},
    "profiles": {"viewer": 4, "kid": 1, "operator": 1, "anonymous": 1},
    "catalog": {"operator": 4, "viewer": 1, "kid": 1, "anonymous": 1},
    "studio": {"operator": 4, "viewer": 1, "anonymous": 1},
    "playback": {"viewer": 4, "kid": 2, "operators_kid": 1, "operator": 1, "anonymous": 1},
    "search": {"viewer": 4, "kid": 2, "operator": 1, "anonymous": 1},
    "recommendations": {"viewer": 3, "kid": 2, "operator": 1, "anonymous": 1},
    "telemetry": {"viewer": 4, "kid": 1, "operator": 1, "anonymous": 1},
    "operations": {"operator": 4, "viewer": 1, "anonymous": 1},
    "web": {"anonymous": 2},
}
"""How many right and how many wrong requests an operation gets, by who asks."""

KNOWN = {
    "account_id": ["account_id"],
    "profile_id": ["profile_id"],
    "device_id": ["device_id"],
    "session_id": ["session_id", "kids_session_id"],
    "refresh_token": ["refresh_token"],
    "user_code": ["user_code"],
    "device_code": ["device_code"],
    "title_id": ["film_id", "title_id", "adult_id", "draft_id"],
    "playable_id": ["film_id", "playable_id", "adult_id", "draft_id"],
    "upload_id": ["upload_id", "whole_upload_id"],
    "job_id": ["ready_job_id"],
}
"""What there is, by the parameter or field that names it."""

ENDS_THE_CALLER = "DELETE /tokens"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """A system of its own: these requests leave nothing as it was."""
    with running(tmp_path_factory.mktemp("busy")) as whole:
        # Before the operator's account has as many profiles as it may.
        whole.run(people.kid(whole, whole.run(people.operator(whole))))
        yield whole


def test_every_application_is_tried() -> None:
    assert EXAMPLES.keys() == APPLICATIONS.keys()


@pytest.mark.parametrize(("application", "role"), [(name, role) for name, roles in EXAMPLES.items() for role in roles])
def test_every_answer_is_as_the_document_says(busy: Whole, application: str, role: str) -> None:
    async def scene() -> None:
        scene = Scene(busy, await people.operator(busy))
        person: Person | None = await scene.person(role)
        mentioned = {field for name, tried in OPERATIONS.items() if split(name)[0] == application for field in inputs_of(tried, name)}
        known = {field: [await scene.the(thing) for thing in KNOWN[field]] for field in KNOWN.keys() & mentioned}
        token = person.access_token if person is not None else None
        made = await check_api(
            busy.apps[application],
            APPLICATIONS[application].rstrip("/"),
            token,
            examples=EXAMPLES[application][role],
            leave_out={ENDS_THE_CALLER},
            known={**known, "name": ["playback", "web"], "If-Match": ["*"], "Tus-Resumable": ["1.0.0"]},
        )
        assert made > 0

    busy.run(scene())


def test_signing_out_answers_as_the_document_says(busy: Whole) -> None:
    async def scene() -> None:
        others = {" ".join(split(name)[1:]) for name in OPERATIONS} - {ENDS_THE_CALLER}
        viewer = await people.viewer(busy)
        assert await check_api(busy.apps["auth"], APPLICATIONS["auth"], viewer.access_token, examples=1, leave_out=others) > 0

    busy.run(scene())
