"""Before a migration changes what is stored, it is backed up, and the backup leads back."""

import asyncio
from pathlib import Path

import pytest

from cluster.durable import Update, open_objects, open_store
from cluster.durable.migrations import Migration
from cluster.errors import StorageFull, StoreUnavailable
from cluster.launch import migrations
from cluster.launch.migrations import MIGRATIONS, backup_folder, prepare
from cluster.settings import Settings
from serve_apps.auth.tables import EMAILS
from tests.cluster.launch.moving.conftest import matinee, rows_of
from tests.cluster.launch.moving.filled import filled, settings_of
from tests.cluster.launch.moving.test_backups import objects_of


async def shout(settings: Settings) -> None:
    """Change every claim of an e-mail; what was changed before stays."""
    store = await open_store(settings.store, EMAILS)
    rows, after = await store.read_all(None)
    assert after is None
    for row in rows:
        if "shouted" not in row.value:
            await store.batch(row.partition, [Update(row.sort, row.kind, {**row.value, "shouted": True}, row.version)])
    await store.close()


async def give_up(settings: Settings) -> None:
    await shout(settings)
    raise StoreUnavailable("the store went away")


def silent(doing: str) -> None: ...


def emails(settings: Settings) -> list[object]:
    return [row.value for row in rows_of(settings.store)["account_emails"]]


def test_the_first_start_backs_nothing_up(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    assert [each.number for each in asyncio.run(prepare(settings, silent))] == [1]
    assert not (settings.data / "backups").exists()


def test_data_are_backed_up_before_they_are_changed_and_the_backup_leads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = filled(tmp_path / "data")
    asyncio.run(prepare(settings, silent))
    before, media = emails(settings), objects_of(settings.objects)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(2, "e-mails are shouted", give_up)))
    with pytest.raises(StoreUnavailable):
        asyncio.run(prepare(settings, silent))
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(2, "e-mails are shouted", shout)))
    asyncio.run(prepare(settings, silent))
    assert emails(settings) != before
    assert not (backup_folder(settings, 1) / "objects").exists()

    # Back: an empty store and log, the media where they are.
    back = settings_of(tmp_path / "back", objects=settings.objects)
    done = matinee(back.data, "restore", str(backup_folder(settings, 1)), objects=settings.objects)
    assert done.returncode == 0, done.stderr
    assert objects_of(back.objects) == media
    assert emails(back) == before  # though the first try had changed them before it was broken off
    assert [row.value for row in rows_of(back.store)["migrations"] if row.sort == "version"] == [{"number": 1}]


def test_without_a_backup_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = filled(tmp_path / "data")
    asyncio.run(prepare(settings, silent))
    before = emails(settings)

    async def full(*_: object, **__: object) -> None:
        raise StorageFull("no space left")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(2, "e-mails are shouted", shout)))
    monkeypatch.setattr(migrations, "backup", full)
    with pytest.raises(StorageFull):
        asyncio.run(prepare(settings, silent))
    assert emails(settings) == before
    assert open_objects(settings.objects) is not None
