"""An installation that is moved to real Cassandra and Kafka, and back."""

import asyncio
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from cluster.launch.kept_in import KeptIn, noted
from cluster.settings import Settings
from tests.cluster.launch.moving.conftest import matinee, one_line, rows_of
from tests.cluster.launch.moving.dying import killed
from tests.cluster.launch.moving.filled import filled, settings_of
from tests.cluster.launch.moving.test_backups import objects_of
from tests.cluster.launch.moving.test_copying import events_of
from tests.serve_apps.auth.conftest import World
from tests.servers import Servers

pytestmark = pytest.mark.durable


@pytest.fixture
def target(servers: Servers, tmp_path: Path) -> Settings:
    """The settings of an installation on the suite's servers that nobody has used."""
    return settings_of(tmp_path / "target", store=servers.empty_store_url(), log=f"{servers.log_url}/{uuid.uuid4().hex[:12]}")


def urls(settings: Settings) -> list[str]:
    return ["--to", settings.store, "--to", settings.log]


def environment(settings: Settings) -> dict[str, str]:
    return {"store": settings.store, "log": settings.log}


def test_a_copy_to_servers_that_was_killed_goes_on_and_back_again(target: Settings, tmp_path: Path) -> None:
    source = filled(tmp_path / "source", accounts=100, places=20)
    before, events = rows_of(source.store), events_of(source.log)
    killed(source.data, "places: 1,", "copy", *urls(target))
    killed(source.data, "audit: 1", "copy", *urls(target))
    done = matinee(source.data, "copy", *urls(target), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["same"], told["resumed"]) == (True, True)
    assert rows_of(target.store) == before
    assert events_of(target.log) == events

    assert "holds another installation's data already" in one_line(matinee(source.data, "copy", *urls(target)))
    done = matinee(tmp_path / "back", "copy", "--from", target.store, "--from", target.log, "--json")
    assert done.returncode == 0, done.stderr
    back = settings_of(tmp_path / "back")
    assert noted(back.data) == KeptIn("", "")
    assert rows_of(back.store) == before
    assert events_of(back.log) == events


def test_a_store_can_move_while_the_log_stays(target: Settings, tmp_path: Path) -> None:
    source = filled(tmp_path / "source")
    done = matinee(source.data, "copy", "--to", target.store, "--json")
    assert (done.returncode, json.loads(done.stdout)["topics"]) == (0, []), done.stderr
    assert rows_of(target.store) == rows_of(source.store)


def test_a_backup_of_servers_is_restored_to_a_laptop_and_to_servers(target: Settings, servers: Servers, tmp_path: Path) -> None:
    source = filled(tmp_path / "source", accounts=50)
    assert matinee(source.data, "copy", *urls(target)).returncode == 0
    done = matinee(source.data, "backup", tmp_path / "backup", **environment(target))
    assert done.returncode == 0, done.stderr
    laptop = settings_of(tmp_path / "laptop")
    done = matinee(laptop.data, "restore", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    assert rows_of(laptop.store) == rows_of(source.store)
    assert events_of(laptop.log) == events_of(source.log)

    elsewhere = settings_of(tmp_path / "other", store=servers.empty_store_url(), log=f"{servers.log_url}/{uuid.uuid4().hex[:12]}")
    killed(elsewhere.data, "places: 1", "restore", str(tmp_path / "backup"), **environment(elsewhere))
    done = matinee(elsewhere.data, "restore", tmp_path / "backup", **environment(elsewhere))
    assert done.returncode == 0, done.stderr
    assert rows_of(elsewhere.store) == rows_of(source.store)
    assert f"is kept in {elsewhere.store} and {elsewhere.log}" in one_line(matinee(elsewhere.data, "up"), 2)
    assert events_of(elsewhere.log) == events_of(source.log)
    assert objects_of(elsewhere.objects) == objects_of(source.objects)


def test_members_stay_signed_in_and_their_rows_go_on_changing(target: Settings, tmp_path: Path) -> None:
    async def sign_up() -> dict[str, Any]:
        world = World(tmp_path / "data")
        world.now_s = time.time()
        await world.open()
        tokens = await world.signed_up()
        await world.close()
        return tokens

    async def go_on(tokens: dict[str, Any]) -> None:
        world = World(tmp_path / "data", **environment(target))
        world.now_s = time.time()
        await world.open()
        try:
            assert (await world.ask("GET", "/account", tokens)).json()["email"] == "ann@example.org"
            for _ in range(5):  # each rotation is a lightweight transaction on the row that was loaded
                answer = await world.refreshed(tokens)
                assert answer.status_code == 200, answer.text
                tokens = answer.json()
            await world.signed_in()
            await world.signed_up("bea@example.org")
            answer = await world.ask(
                "POST", "/accounts", json={"email": "ann@example.org", "password": "correct horse battery", "name": "A"}
            )
            assert answer.status_code == 409
        finally:
            await world.close()

    tokens = asyncio.run(sign_up())
    done = matinee(tmp_path / "data", "copy", *urls(target))
    assert done.returncode == 0, done.stderr
    asyncio.run(go_on(tokens))
