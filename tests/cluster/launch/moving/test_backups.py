"""Backups and restores of embedded installations; those of servers are in test_servers.py."""

import asyncio
import fcntl
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from actors.sessions.tables import PLACES
from cluster.durable import Row, open_objects, open_store
from cluster.errors import BackupDamaged, Misconfigured
from cluster.launch.instance import Instance
from cluster.launch.moving import backing_up, manifest, restoring, rows
from cluster.launch.moving.counting import Count, line_of
from cluster.launch.moving.lines import StoredTable, Written
from cluster.launch.moving.telling import Telling
from cluster.settings import Settings
from tests.cluster.launch.moving.conftest import matinee, one_line, rows_of
from tests.cluster.launch.moving.dying import killed
from tests.cluster.launch.moving.filled import filled, settings_of
from tests.cluster.launch.moving.test_copying import events_of


@pytest.fixture
def folder(source: Settings, tmp_path: Path) -> Path:
    """A backup of `source`."""
    asyncio.run(backing_up.backup(tmp_path / "backup", source, Telling(Console(quiet=True))))
    return tmp_path / "backup"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that tests take copies of."""
    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(backing_up.backup(folder / "backup", filled(folder / "source"), Telling(Console(quiet=True))))
    return folder / "backup"


def objects_of(url: str) -> dict[str, bytes]:
    objects = open_objects(url)
    return {meta["path"]: bytes(obstore.get(objects, meta["path"]).bytes()) for page in obstore.list(objects) for meta in page}


def same(one: Settings, two: Settings) -> bool:
    files = all((one.data / name).read_bytes() == (two.data / name).read_bytes() for name in ("secret", "operator-password"))
    return files and all(look(getattr(one, what)) == look(getattr(two, what)) for look, what in LOOKS)


LOOKS = ((rows_of, "store"), (events_of, "log"), (objects_of, "objects"))


def test_a_restore_brings_everything_back(source: Settings, folder: Path, tmp_path: Path) -> None:
    target = settings_of(tmp_path / "target")
    done = matinee(target.data, "restore", folder, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["same"], told["objects"], told["moved"]["resumed"]) == (True, 5, False)
    assert same(source, target)
    assert [(target.data / name).stat().st_mode & 0o777 for name in ("secret", "operator-password")] == [0o600, 0o600]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_backup_is_plain_files(folder: Path) -> None:
    made = json.loads((folder / "manifest.json").read_text())
    assert made["format"] == 1
    with gzip.open(folder / made["name"] / "tables/places.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == made["tables"]["places"]["entries"] == 2700
    assert set(lines[0]) == {"partition", "sort", "version", "kind", "value", "expires_at_s"}
    assert sorted(path.name for path in folder.iterdir()) == sorted(["backup.lock", "manifest.json", "objects", made["name"]])


def test_the_next_backup_writes_only_new_objects_and_forgets_old_ones(source: Settings, folder: Path) -> None:
    before = manifest.read(folder).name
    kept = (folder / "objects/titles/000/film.mp4").stat().st_ino
    objects = open_objects(source.objects)
    obstore.put(objects, "titles/new/film.mp4", b"new")
    obstore.delete(objects, "titles/002/film.mp4")
    shutil.copytree(folder / before, folder / "killed-at-its-last-step")
    done = matinee(source.data, "backup", folder, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["objects"], told["objects_written"]) == (0, 5, 1)
    assert (folder / "objects/titles/000/film.mp4").stat().st_ino == kept
    assert objects_of(f"file:{folder}/objects") == objects_of(source.objects)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == sorted(["objects", manifest.read(folder).name])
    assert manifest.read(folder).name != before


def test_a_backup_is_made_while_others_write(source: Settings, tmp_path: Path) -> None:
    writing = (
        "import asyncio, sys\n"
        "from actors.sessions.tables import PLACES\n"
        "from cluster.durable import Row, open_store\n"
        "async def go():\n"
        "    store = await open_store(sys.argv[1], PLACES)\n"
        "    number = 0\n"
        "    while True:\n"
        "        await store.put([Row(f'writer{number % 50}', f's{number}', 1, 'place', {'n': number})])\n"
        "        number += 1\n"
        "        print(number, flush=True)\n"
        "asyncio.run(go())\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", writing, source.store], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        before = [writer.stdout.readline() for _ in range(20)]
        instance = Instance.claim(source.data)
        done = matinee(source.data, "backup", tmp_path / "backup")
        instance.release()
    finally:
        writer.kill()
        writer.communicate()
    assert done.returncode == 0, done.stderr
    target = settings_of(tmp_path / "target")
    done = matinee(target.data, "restore", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    found = {row.value["n"] for row in rows_of(target.store)["places"] if row.partition.startswith("writer")}
    assert found >= set(range(len(before)))


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink], ids=["changed", "cut", "gone"])
@pytest.mark.parametrize(
    "what", ["NAME/tables/places.jsonl.gz", "NAME/topics/audit/000.jsonl.gz", "NAME/data/secret", "objects/titles/001/film.mp4"]
)
def test_a_damaged_backup_is_told_by_name(whole: Path, tmp_path: Path, damage: Callable[[Path], None], what: str) -> None:
    folder = tmp_path / "backup"
    shutil.copytree(whole, folder)
    path = folder / what.replace("NAME", manifest.read(folder).name)
    damage(path)
    with pytest.raises(BackupDamaged) as caught:
        asyncio.run(restoring.checked(folder, Telling(Console(quiet=True))))
    assert caught.value.detail.startswith(str(path))
    assert any(said in caught.value.detail for said in ("damaged: it", "cannot be read: No such file", "is missing"))


def test_of_a_damaged_backup_nothing_is_restored(folder: Path, tmp_path: Path) -> None:
    flip(folder / "objects/titles/001/film.mp4")
    assert one_line(matinee(tmp_path / "target", "restore", folder)).endswith("film.mp4 is damaged: it is not what was written")
    assert not (tmp_path / "target").exists()


def test_a_manifest_that_is_none_is_refused(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    shutil.copytree(whole, folder)
    path = folder / "manifest.json"
    written = path.read_text()
    for text, error, said in (
        (written[:-20], BackupDamaged, f"{path} is damaged"),
        ("{}", BackupDamaged, f"{path} is damaged"),
        (written.replace('"data/secret"', '"../../secret"'), BackupDamaged, f"{path} is damaged: it names the file"),
        (written.replace('"format": 1', '"format": 2'), Misconfigured, f"{folder} was written by a newer Matinee (format 2"),
        (written.replace('"places"', '"horoscopes"'), Misconfigured, "newer Matinee, which has horoscopes: update"),
    ):
        assert text != written
        path.write_text(text)
        with pytest.raises(error) as caught:
            asyncio.run(restoring.checked(folder, Telling(Console(quiet=True))))
        assert said in caught.value.detail


def test_where_there_is_no_backup_is_said(source: Settings, tmp_path: Path) -> None:
    assert one_line(matinee(source.data, "restore", tmp_path / "none")) == f"{tmp_path}/none is no folder"
    killed(source.data, "objects: 2", "backup", str(tmp_path / "half"))
    assert one_line(matinee(tmp_path / "target", "restore", tmp_path / "half")) == f"{tmp_path}/half holds no backup that was finished"


def test_a_target_that_holds_anything_is_refused(source: Settings, folder: Path, tmp_path: Path) -> None:
    filled(tmp_path / "target", objects=0)
    assert "secret is another installation's" in one_line(matinee(tmp_path / "target", "restore", folder))
    for name in ("secret", "operator-password"):
        (tmp_path / "target" / name).unlink()
    assert "holds another installation's data already" in one_line(matinee(tmp_path / "target", "restore", folder))
    obstore.put(open_objects(f"file:{tmp_path}/third/objects"), "titles/000/film.mp4", b"other")
    assert "MATINEE_OBJECTS holds another installation's objects" in one_line(matinee(tmp_path / "third", "restore", folder))
    instance = Instance.claim(tmp_path / "fourth")
    assert "Matinee runs already" in one_line(matinee(tmp_path / "fourth", "restore", folder))
    instance.release()
    assert not (tmp_path / "fourth/store").exists()


@pytest.mark.parametrize("words", ["objects: 2", "places: 1,", "audit: 1", "comparing places"])
def test_a_restore_that_was_killed_goes_on_and_nothing_starts_before(source: Settings, folder: Path, tmp_path: Path, words: str) -> None:
    target = settings_of(tmp_path / "target")
    killed(target.data, words, "restore", str(folder))
    assert "A restore was broken off: run `matinee restore` again" in one_line(matinee(target.data, "up", "--detach"), code=2)
    done = matinee(target.data, "restore", folder, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["moved"]["resumed"] is True
    assert same(source, target)


@pytest.mark.parametrize("words", ["places: 1,", "objects: 2"])
def test_a_backup_that_was_killed_leaves_the_one_before(source: Settings, folder: Path, tmp_path: Path, words: str) -> None:
    before = rows_of(source.store)

    async def more() -> None:
        store = await open_store(source.store, PLACES)
        await store.put([Row("new", "place", 1, "place", {})])
        await store.close()

    asyncio.run(more())
    obstore.put(open_objects(source.objects), "titles/new/film.mp4", b"new")
    killed(source.data, words, "backup", str(folder))
    assert matinee(tmp_path / "target", "restore", folder).returncode == 0
    assert rows_of(settings_of(tmp_path / "target").store) == before
    assert matinee(source.data, "backup", folder).returncode == 0
    assert matinee(tmp_path / "second", "restore", folder).returncode == 0
    assert same(source, settings_of(tmp_path / "second"))
    assert sorted(path.name for path in folder.iterdir()) == sorted(["backup.lock", "manifest.json", "objects", manifest.read(folder).name])


def test_what_cannot_be_backed_up_is_one_line(source: Settings, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("years of work")
    assert "holds other things than a backup" in one_line(matinee(source.data, "backup", tmp_path / "other"), code=2)
    assert "cannot be written: No such file" in one_line(matinee(source.data, "backup", tmp_path / "no/such"))
    assert "There is no installation in" in one_line(matinee(tmp_path / "none", "backup", tmp_path / "new"), code=2)
    (tmp_path / "empty/store").mkdir(parents=True)
    sqlite3.connect(tmp_path / "empty/store/auth.sqlite3").close()
    before = (folder / "manifest.json").read_bytes()
    assert "no table has a row" in one_line(matinee(tmp_path / "empty", "backup", folder), code=2)
    assert (folder / "manifest.json").read_bytes() == before
    with (folder / "backup.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert one_line(matinee(source.data, "backup", folder)) == f"Another backup into {folder} is being made"


def test_a_full_disk_is_one_line_and_leaves_no_half_of_anything(source: Settings, tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small file system: unshare -Urm")
    (tmp_path / "small").mkdir()
    for size in ("64k", "3m"):
        script = f'mount -t tmpfs -o size={size} tmpfs "$1" || exit 9; "$0" -m cluster.launch.cli backup "$1"; code=$?; ls "$1"; exit $code'
        command = ["unshare", "-Urm", "sh", "-c", script, sys.executable, str(tmp_path / "small")]
        environ = os.environ | {"MATINEE_DATA": str(source.data)}
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=120)
        assert "no space left" in one_line(done)
        assert "manifest.json" not in done.stdout
        assert "unfinished" not in done.stdout


# --- rows of any kind

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
any_rows = st.lists(
    st.builds(
        Row,
        texts.filter(bool),
        texts,
        st.integers(0, (1 << 62) - 1),
        texts,
        st.dictionaries(texts, values, max_size=4),
        st.none() | st.floats(2e9, 3e9),
    ),
    max_size=12,
    unique_by=lambda row: (row.partition, row.sort),
)


@given(written=any_rows)
@settings(max_examples=40, deadline=None)
def test_any_rows_come_back_from_files_and_stores_as_they_were(tmp_path_factory: pytest.TempPathFactory, written: list[Row]) -> None:
    folder = tmp_path_factory.mktemp("rows")

    async def go() -> None:
        one, two = [await open_store(f"sqlite:{folder}/{name}", PLACES) for name in ("one", "two")]
        await one.load(written)
        with Written(folder / "rows.jsonl.gz") as file:
            async for page, _ in rows.pages(one):
                await file.write([line_of(row) for row in page])
        stored = StoredTable(folder / "rows.jsonl.gz", time.time)
        await rows.move(stored, two, None, lambda *_: None)
        back = [row async for page, _ in rows.pages(two) for row in page]
        assert sorted(back, key=lambda row: (row.partition, row.sort)) == sorted(written, key=lambda row: (row.partition, row.sort))
        counted = Count()
        for row in reversed(written):
            counted.add(line_of(row))
        assert await rows.counted(one) == await rows.counted(two) == await rows.counted(stored) == counted.counted
        await one.close()
        await two.close()

    asyncio.run(go())


def test_a_stored_table_is_read_from_any_place(tmp_path: Path) -> None:
    async def go() -> None:
        written = [Row("p", f"s{number:03d}", 1, "kind", {}, 5.0 if number % 3 else None) for number in range(50)]
        with Written(tmp_path / "rows.jsonl.gz") as file:
            await file.write([line_of(row) for row in written])
        for at in (0, 7, 14, 21):
            page, after = await StoredTable(tmp_path / "rows.jsonl.gz", lambda: 4.0).read_all(str(at), limit=7)
            assert (page, after) == (written[at : at + 7], str(at + 7))
        assert len((await StoredTable(tmp_path / "rows.jsonl.gz", lambda: 6.0).read_all())[0]) == 17
        assert await StoredTable(tmp_path / "none", lambda: 0.0).read_all() == ([], None)

    asyncio.run(go())
