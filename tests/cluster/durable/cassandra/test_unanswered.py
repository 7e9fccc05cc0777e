"""What a store does with writes that are not answered; a script stands for the servers."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from cassandra import OperationTimedOut, Unavailable, WriteTimeout
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import WriteType

from cluster.durable import Insert, Mode, Row, Table, Update
from cluster.durable.cassandra import store as stores
from cluster.durable.cassandra.address import parse
from cluster.durable.cassandra.conditions import LASTING_S, Found, Prepared
from cluster.durable.cassandra.driver import Kind
from cluster.durable.cassandra.faults import translate
from cluster.durable.cassandra.statements import Linear, Plain
from cluster.durable.cassandra.store import CassandraStore
from cluster.errors import Indeterminate, MatineeError, StoreUnavailable, VersionConflict

LINEAR, PLAIN = Table("accounts", Mode.LINEAR, "g"), Table("places", Mode.PLAIN, "g")
UNANSWERED = translate(OperationTimedOut({}), "db")
CONTENDED = translate(WriteTimeout("late", write_type=WriteType.CAS, consistency=6, required_responses=2, received_responses=0), "db")
APPLIED = [{"[applied]": True}]
THEIRS = UUID(int=1)


def refused(**columns: Any) -> list[dict[str, Any]]:
    return [{"[applied]": False, "sort": "s", **columns}]


class Script:
    """Answers what it is told to, in order; remembers what was asked."""

    def __init__(self, *answers: MatineeError | Sequence[Any] | str) -> None:
        self.answers, self.asked, self.failing = list(answers), [], False  # type: ignore[var-annotated]
        self.address = parse("cassandra://db/films")
        self.replicas: Callable[[str], Any] = lambda partition: partition  # none has a node with another in common

    async def run(self, statement: Any, kind: Kind) -> Any:
        self.asked.append((kind, statement))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, MatineeError):
            raise answer
        if answer == "ours":
            return [{"sort": "s", "version": 1, "expires_at_s": LASTING_S, "tag": self.batches[0]["tag"]}]
        return answer

    @property
    def batches(self) -> list[dict[str, Any]]:
        return [statement for kind, statement in self.asked if kind is not Kind.SERIAL_READ]


class LinearScript(Linear):
    def __init__(self) -> None:
        self.table = LINEAR

    def batch(self, partition: str, changes: Sequence[Prepared], expired: Mapping[str, Found], tag: UUID, now_s: float) -> Any:
        return {"expired": dict(expired), "tag": tag}

    def evidence(self, partition: str, changes: Sequence[Prepared]) -> Any:
        return None


class PlainScript(Plain):
    def __init__(self) -> None:
        self.table = PLAIN

    def put(self, rows: Sequence[tuple[Row, str]], now_s: float) -> Any:
        return {"rows": rows}

    def get(self, partition: str, sort: str) -> Any:
        return None

    def page(self, partition: str, prefix: str, after: str | None, reverse: bool, limit: int) -> Any:
        return {"after": after}


def run(script: Script, scenario: Callable[[CassandraStore], Coroutine[Any, Any, None]], statements: Linear | Plain | None = None) -> None:
    asyncio.run(scenario(CassandraStore(script, statements or LinearScript(), lambda: 1000.0)))  # type: ignore[arg-type]


async def insert(store: CassandraStore) -> None:
    await store.batch("p", [Insert("s", "kind", {})])


async def update(store: CassandraStore) -> None:
    await store.batch("p", [Update("s", "kind", {}, if_version=3)])


async def put(store: CassandraStore) -> None:
    await store.put([Row("p", "s", 1, "kind", {})])


def test_a_batch_that_was_made_is_found_by_its_tag() -> None:
    script = Script(UNANSWERED, "ours")
    run(script, insert)
    assert [kind for kind, _ in script.asked] == [Kind.LINEAR, Kind.SERIAL_READ]


def test_a_batch_that_was_not_made_is_tried_again_as_the_same() -> None:
    script = Script(UNANSWERED, [], CONTENDED, [], APPLIED)
    run(script, insert)
    assert len(script.batches) == 3
    assert len({batch["tag"] for batch in script.batches}) == 1


def test_a_batch_that_may_have_been_made_is_told_so() -> None:
    script = Script(UNANSWERED, [{"sort": "s", "version": 5, "expires_at_s": LASTING_S, "tag": THEIRS}])
    with pytest.raises(Indeterminate):
        run(script, update)
    assert len(script.batches) == 1


def test_a_batch_is_in_doubt_if_nobody_answers_what_became_of_it() -> None:
    script = Script(UNANSWERED, StoreUnavailable("away"), [], APPLIED)
    run(script, insert)  # the second look was answered
    script = Script(UNANSWERED, StoreUnavailable("away"))
    script.failing = True
    with pytest.raises(Indeterminate):
        run(script, insert)
    assert len(script.asked) == 2


def test_a_batch_that_came_true_after_it_was_judged_is_no_conflict_with_itself() -> None:
    # What waited in a node that stood still is carried out once the node goes on, also after somebody has looked for it.
    run(Script(UNANSWERED, [], refused(version=1, expires_at_s=LASTING_S), "ours"), insert)
    theirs = [{"sort": "s", "version": 1, "expires_at_s": LASTING_S, "tag": THEIRS}]
    with pytest.raises(VersionConflict):
        run(Script(UNANSWERED, [], refused(version=1, expires_at_s=LASTING_S), theirs), insert)
    changed_since = [{"sort": "s", "version": 2, "expires_at_s": LASTING_S, "tag": THEIRS}]
    with pytest.raises(Indeterminate):
        run(Script(UNANSWERED, [], refused(version=2, expires_at_s=LASTING_S), changed_since), insert)


@pytest.mark.parametrize(("first", "kind"), [(UNANSWERED, Indeterminate), (CONTENDED, StoreUnavailable)])
def test_a_batch_that_may_yet_come_is_in_doubt_also_if_the_next_try_is_refused(first: MatineeError, kind: type[MatineeError]) -> None:
    with pytest.raises(kind):
        run(Script(first, [], StoreUnavailable("away")), insert)


@pytest.mark.parametrize(("told", "kind"), [(CONTENDED, StoreUnavailable), (UNANSWERED, Indeterminate)])
def test_what_the_servers_gave_up_is_not_written_what_they_did_not_answer_may_come(
    monkeypatch: pytest.MonkeyPatch, told: MatineeError, kind: type[MatineeError]
) -> None:
    monkeypatch.setattr(stores, "DEADLINE_S", 0.05)

    class Always(Script):
        async def run(self, statement: Any, kind: Kind) -> Any:
            if kind is Kind.LINEAR:
                raise told
            return []

    with pytest.raises(kind):
        run(Always([]), insert)


def test_a_row_that_has_expired_is_taken_out_of_the_way() -> None:
    script = Script(refused(version=7, expires_at_s=999.0), APPLIED)
    run(script, insert)
    assert [batch["expired"] for batch in script.batches] == [{}, {"s": Found(7, 999.0)}]


def test_a_row_that_lives_is_a_conflict() -> None:
    script = Script(refused(version=7, expires_at_s=1001.0))
    with pytest.raises(VersionConflict) as told:
        run(script, insert)
    assert told.value.fields["failed"] == ["s"]
    with pytest.raises(VersionConflict):
        run(Script([{"[applied]": False}]), update)


def test_a_plain_write_is_repeated_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(UNANSWERED, UNANSWERED, [])
    run(script, put, PlainScript())
    assert len(script.asked) == 3
    monkeypatch.setattr(stores, "DEADLINE_S", 0.05)
    with pytest.raises(Indeterminate):
        run(Script(UNANSWERED), put, PlainScript())
    with pytest.raises(StoreUnavailable):
        run(Script(StoreUnavailable("away")), put, PlainScript())


def test_a_plain_write_that_may_have_happened_is_in_doubt_also_if_the_next_try_is_refused() -> None:
    with pytest.raises(Indeterminate):
        run(Script(UNANSWERED, StoreUnavailable("away")), put, PlainScript())


def test_rows_of_which_some_were_written_are_in_doubt() -> None:
    async def put_two(store: CassandraStore) -> None:
        await store.put([Row(partition, "s", 1, "kind", {}) for partition in "pq"])

    for answers in ([[], StoreUnavailable("away")], [StoreUnavailable("away"), []], [StoreUnavailable("away"), UNANSWERED]):
        script = Script(*answers)
        script.failing = True
        with pytest.raises(Indeterminate):
            run(script, put_two, PlainScript())
    with pytest.raises(StoreUnavailable):
        run(Script(StoreUnavailable("away")), put_two, PlainScript())


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (translate(Unavailable("too few", consistency=6, required_replicas=2, alive_replicas=1), "db"), Indeterminate),
        (translate(NoHostAvailable("none", {"a": ConnectionException("Host has been marked down or removed")}), "db"), StoreUnavailable),
        (StoreUnavailable("held back"), StoreUnavailable),
    ],
)
def test_of_partitions_in_one_request_some_may_be_written_if_a_node_refuses_it(told: MatineeError, kind: type[MatineeError]) -> None:
    async def put_two(store: CassandraStore) -> None:
        await store.put([Row(partition, "s", 1, "kind", {}) for partition in "pq"])

    script = Script(told)
    script.replicas = lambda _: "everywhere"
    with pytest.raises(MatineeError) as raised:
        run(script, put_two, PlainScript())
    assert type(raised.value) is kind
    assert len(script.asked) == 1
    with pytest.raises(StoreUnavailable):
        run(Script(told), put, PlainScript())


def test_a_read_is_repeated_until_it_is_answered_and_then_nothing_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(store: CassandraStore) -> None:
        assert await store.get("p", "s") is None

    async def scan(store: CassandraStore) -> None:
        assert await store.scan("p") == []

    for read in (get, scan):
        script = Script(UNANSWERED, UNANSWERED, [])
        run(script, read, PlainScript())
        assert [kind for kind, _ in script.asked] == [Kind.READ] * 3
        failing = Script(UNANSWERED)
        failing.failing = True
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            run(failing, read, PlainScript())
        assert len(failing.asked) == 1
        with monkeypatch.context() as shorter, pytest.raises(StoreUnavailable, match="did not answer in time"):
            shorter.setattr(stores, "DEADLINE_S", 0.05)
            run(Script(UNANSWERED), read, PlainScript())
