"""What operators do is in the log with its outcome before it is answered; a log that is away delays that and refuses nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from structlog.testing import capture_logs

from cluster.durable import Entry, Position, open_log
from cluster.errors import Conflict, CorruptData, Indeterminate, MatineeError, Misconfigured, StorageFull, StoreUnavailable, TokenInvalid
from cluster.events import AUDIT, Event, Topic, decode, encode
from cluster.security.claims import Claims
from serve_apps import audit as audits
from serve_apps.audit import Act, Audit, act_of, event_of
from serve_apps.http import Member, Operator, new_api, problems, served

PREFIX = "/api/v1/things"
DEPLOYMENTS = sorted(Path(audits.__file__).parent.glob("*/deployment.py"))
CLAIMS = {
    "member": Claims("ann", "d", ("member",), 1e12),
    "operator": Claims("olga", "d", ("operator",), 1e12),
    "kid": Claims("olga", "d", ("operator",), 1e12, profile_id="k", maturity=7, kids=True),
}


class NamedGate:
    async def admit(self, token: str) -> Claims:
        if token not in CLAIMS:
            raise TokenInvalid
        return CLAIMS[token]


class Thing(BaseModel):
    name: str


class ToldLog:
    """A log that fails as it is told, then appends."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.events: list[Event] = []
        self.closed = False
        self.there = asyncio.Event()
        self.there.set()

    async def append(self, topic: Topic, events: Sequence[Event]) -> list[Position]:
        assert topic == AUDIT
        await self.there.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.events += events
        return [Position(0, 0) for _ in events]

    async def read(self, topic: Topic, partition: int, offset: int, *, limit: int = 500, wait_s: float = 0.0) -> list[Entry]:
        raise NotImplementedError

    async def end(self, topic: Topic, partition: int) -> int:
        return len(self.events)

    async def close(self) -> None:
        self.closed = True

    @property
    def acts(self) -> list[Act]:
        return [act_of(event) for event in self.events]

    async def opened(self) -> ToldLog:
        return self


class Things:
    """An API of things as its callers see it; `begun` says that a slow act is under way."""

    def __init__(self, audit: Audit | None) -> None:
        self.begun = asyncio.Event()
        self.acted: list[str] = []
        self.app = served(self._api(), PREFIX, timeout_s=0.5, audit=audit)

    def _api(self) -> Any:
        api = new_api("things", PREFIX, NamedGate())

        @api.post("/things/{name}", status_code=201, responses=problems())
        async def make(name: str, thing: Thing, operator: Operator) -> None:
            if thing.name == "taken":
                raise Conflict
            if thing.name == "broken":
                raise RuntimeError("a mistake")
            self.acted.append(name)
            self.begun.set()
            if thing.name == "slow":
                await asyncio.Event().wait()

        @api.get("/things", responses=problems())
        async def listed(operator: Operator) -> list[str]:
            return self.acted

        @api.put("/own", responses=problems())
        async def own(caller: Member) -> None: ...

        return api

    async def ask(self, method: str, path: str, token: str | None = "operator", **given: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as http:
            headers = {"X-Request-Id": "r-1"} | ({"Authorization": f"Bearer {token}"} if token else {})
            return await http.request(method, PREFIX + path, headers=headers, **given)

    async def make(self, name: str, kind: str = "good") -> httpx.Response:
        return await self.ask("POST", f"/things/{name}", json={"name": kind})


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


@pytest.mark.parametrize(("kind", "status"), [("good", 201), ("taken", 409), ("broken", 500), ("slow", 504)])
def test_an_act_is_durable_with_its_status_before_it_is_answered(tmp_path: Path, kind: str, status: int) -> None:
    async def scene() -> None:
        audit = Audit(partial(open_log, f"sqlite:{tmp_path}"), lambda: 1_700_000_000.5)
        answer = await Things(audit).ask("POST", "/things/one?token=secret", json={"name": kind})
        assert answer.status_code == status
        log = await open_log(f"sqlite:{tmp_path}")
        (entry,) = await log.read(AUDIT, 0, 0)
        act = act_of(entry.event)
        assert act == Act(act.audit_id, 1_700_000_000.5, "olga", "things", "POST", f"{PREFIX}/things/one", status, "r-1")
        assert not {"secret", kind} & set(re.findall(r"\w+", encode(entry.event).decode()))
        await log.close()
        await audit.close()

    play(scene)


def test_only_what_operators_may_have_changed_is_noted() -> None:
    async def scene() -> None:
        log = ToldLog()
        things = Things(Audit(log.opened))
        asked = [
            await things.ask("GET", "/things"),
            await things.ask("HEAD", "/things"),
            await things.ask("PUT", "/own"),
            *[await things.ask("POST", "/things/one", token, json={"name": "good"}) for token in ("member", "kid", "nobody", None)],
            await things.ask("POST", "/nothing"),
        ]
        assert [answer.status_code for answer in asked] == [200, 405, 200, 403, 403, 401, 401, 404]
        assert log.acts == []
        assert (await things.ask("POST", "/things/one", json={"wrong": 1})).status_code == 422
        assert [act.status for act in log.acts] == [422]

    play(scene)


def test_an_act_whose_caller_is_gone_is_noted_as_cut_off() -> None:
    async def scene() -> None:
        log = ToldLog()
        audit = Audit(log.opened)
        things = Things(audit)
        asking = asyncio.create_task(things.make("one", "slow"))
        await things.begun.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await audit.close()
        assert [act.status for act in log.acts] == [audits.CUT_OFF]
        assert log.closed

    play(scene)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StorageFull(), Indeterminate()])
def test_acts_count_while_the_log_is_away_and_are_noted_in_their_order_when_it_is_back(
    error: MatineeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "FIRST_PAUSE_S", 0.05)

    async def scene() -> None:
        log = ToldLog(error, error)
        audit = Audit(log.opened, wait_s=0.0)
        things = Things(audit)
        with capture_logs() as told:
            for name in ("one", "two", "three"):
                assert (await things.make(name)).status_code == 201
            await audit.close()
        assert things.acted == ["one", "two", "three"]
        assert [act.path.rpartition("/")[2] for act in log.acts] == ["one", "two", "three"]
        assert len({act.audit_id for act in log.acts}) == 3
        late = [line for line in told if line["event"] == "an act of an operator is not in the audit yet"]
        assert [line["audit_id"] for line in late] == [act.audit_id for act in log.acts]
        assert len([line for line in told if line["event"] == "the audit waits for the log"]) == 1

    play(scene)


def test_acts_wait_for_a_log_that_cannot_be_opened_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "FIRST_PAUSE_S", 0.05)

    async def scene() -> None:
        log, away = ToldLog(), [Misconfigured("nobody answers there")]

        async def open_it() -> ToldLog:
            if away:
                raise away.pop()
            return log

        audit = Audit(open_it, wait_s=0.0)
        assert (await Things(audit).make("one")).status_code == 201
        await audit.close()
        assert [act.path for act in log.acts] == [f"{PREFIX}/things/one"]

    play(scene)


def test_only_so_many_acts_wait_for_the_log_and_the_others_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "WAITING_LIMIT", 2)

    async def scene() -> None:
        log = ToldLog()
        log.there.clear()
        audit = Audit(log.opened, wait_s=0.0)
        things = Things(audit)
        with capture_logs() as told:
            for name in ("one", "two", "three"):
                assert (await things.make(name)).status_code == 201
        assert [line["path"] for line in told if "missing" in line["event"]] == [f"{PREFIX}/things/three"]
        log.there.set()
        await audit.close()
        assert len(log.acts) == 2

    play(scene)


def test_what_no_log_will_ever_take_is_told_and_holds_up_nothing() -> None:
    async def scene() -> None:
        log = ToldLog(Misconfigured("another number of partitions"))
        things = Things(Audit(log.opened))
        with capture_logs() as told:
            assert [(await things.make(name)).status_code for name in ("one", "two")] == [201, 201]
        assert [line["path"] for line in told if "missing" in line["event"]] == [f"{PREFIX}/things/one"]
        assert [act.path for act in log.acts] == [f"{PREFIX}/things/two"]

    play(scene)


def test_closing_tells_of_what_waits_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "CLOSE_S", 0.01)

    async def scene() -> None:
        log = ToldLog()
        log.there.clear()
        audit = Audit(log.opened, wait_s=0.0)
        await Things(audit).make("one")
        with capture_logs() as told:
            await audit.close()
        assert [line["path"] for line in told] == [f"{PREFIX}/things/one"]
        assert log.closed

    play(scene)


@given(
    st.builds(
        Act,
        audit_id=st.text(max_size=40),
        at_s=st.floats(0, 4e9),
        account_id=st.text(max_size=40),
        service=st.text(max_size=20),
        method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
        path=st.text(max_size=100),
        status=st.integers(100, 599),
        request_id=st.text(max_size=64),
    )
)
def test_an_act_is_read_as_it_was_noted(act: Act) -> None:
    assert act_of(decode(encode(event_of(act)))) == act


def test_what_earlier_versions_noted_is_read_by_this_one() -> None:
    stored = (
        b'{"topic":"audit","kind":"operator.acted","key":"0190","entity_version":1,"occurred_at_s":1700000000.5,"value":{"account_id":"olga",'
        b'"service":"catalog","method":"PATCH","path":"/api/v1/titles/1","status":200,"request_id":"r-1"},"schema_version":1}'
    )
    assert act_of(decode(stored)) == Act("0190", 1_700_000_000.5, "olga", "catalog", "PATCH", "/api/v1/titles/1", 200, "r-1")


def test_an_entry_that_is_no_act_is_damaged() -> None:
    with pytest.raises(CorruptData):
        act_of(Event(AUDIT.name, audits.KIND, "0190", 1, 1.0, {"status": "none"}))


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda path: path.parent.name)
def test_every_deployment_that_admits_operators_has_an_audit(deployment: Path) -> None:
    if any(re.search(r"\bOperator\b", routes.read_text()) for routes in deployment.parent.glob("*routes.py")):
        assert "audit=open_audit(settings)" in deployment.read_text()


def test_there_are_deployments_that_admit_operators() -> None:
    admitting = {routes.parent.name for routes in DEPLOYMENTS[0].parent.parent.glob("*/*routes.py") if ": Operator" in routes.read_text()}
    assert {"catalog", "operations", "playback", "studio"} <= admitting <= {deployment.parent.name for deployment in DEPLOYMENTS}
