"""`matinee models`, as a person types it, beside no running instance."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from cluster.durable import open_store
from cluster.launch import cli
from cluster.settings import Settings
from models.about import Verdict
from serve_apps.catalog.tables import SORT_PREFIX, TITLE, TITLES, partition_for
from serve_apps.recommendations.bundles.registry import open_registry
from tests.cluster.launch.test_cli import matinee, one_line
from tests.running import instance_environment

pytestmark = pytest.mark.skipif(not find_spec("torch"), reason="bundles are made by torch")

ONE, TWO, OTHER = f"{1:032x}", f"{2:031x}f", f"{3:032x}"
GATE = "It is worse than popularity by 0.0100 NDCG@10."
Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Runs the command in this process, which has torch already; returns the exit code and what was printed."""
    for name, value in instance_environment(data).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["matinee", "models", *arguments])
        return cli.run(), *capsys.readouterr()

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve titles; one model that was let through, a second that was not."""
    from models.bundle import encode
    from tests.models.bundles import bundle

    async def filled() -> None:
        settings = Settings(data=tmp_path / "data")
        titles, registry = await open_store(settings.store, TITLES), await open_registry(settings)
        for number in range(12):
            title_id = f"t{number:02d}"
            await titles.put_if_absent(partition_for(title_id), SORT_PREFIX + title_id, TITLE, {})
        for number, bundle_id, accepted in ((1, ONE, True), (2, TWO, False)):
            verdict = Verdict(accepted=accepted, reason=GATE, metric="NDCG@10", differences={}, against_bundle_id=None)
            await registry.add(encode(bundle(number, bundle_id=bundle_id)), verdict)
        other = bundle(3, items=40)
        await registry.add(encode(other), Verdict(accepted=True, reason="", metric="", differences={}, against_bundle_id=ONE))
        await titles.close()
        await registry.close()

    asyncio.run(filled())
    return tmp_path / "data"


def test_a_model_is_listed_made_live_and_gone_back_from(typed: Type) -> None:
    listed = json.loads(typed("--json")[1])
    assert [(each["bundle_id"], each["state"]) for each in listed] == [(TWO, "refused"), (OTHER, "candidate"), (ONE, "candidate")]
    assert typed("promote", ONE) == (0, f"{ONE} is live\n", "")
    assert typed("list")[1].splitlines()[-1].split() == [ONE, "live", "2023-11-14", "22:13", "0.2000"]
    assert typed("promote", TWO) == (1, "", f"matinee: Model {TWO} was refused: {GATE} With --force it becomes live all the same.\n")
    assert typed("promote", TWO, "--force") == (0, f"{TWO} is live, though the gate said: {GATE}\n", "")
    back = json.loads(typed("rollback", "--json")[1])
    assert (back["bundle_id"], back["state"]) == (ONE, "live")
    assert typed("rollback") == (1, "", "matinee: There is no model to go back to\n")
    code, shown, _ = typed("show", TWO)
    assert code == 0
    for part in ("refused", GATE, "width 8", "NDCG@10 0.2000 [0.1000, 0.3000]", "2023-11-14 22:13 UTC by Matinee 1.2.3"):
        assert part in " ".join(shown.split())


def test_what_cannot_be_made_live_is_one_line(typed: Type, data: Path) -> None:
    kept = data / "objects" / "models" / f"{ONE}.safetensors"
    kept.write_bytes(b"\x80\x05N.")
    for arguments, said in (
        (("promote", "abc"), "There is no model abc: `matinee models` lists them"),
        (("show", "0"), "3 models' ids begin with 0"),
        (("promote", OTHER, "--force"), f"Model {OTHER} cannot be served: of its 40 titles the catalogue has 12"),
        (("promote", ONE, "--force"), f"Model {ONE}: its bytes are not those that were added"),
    ):
        assert typed(*arguments) == (1, "", f"matinee: {said}\n")


def test_it_is_a_command_that_refuses_in_one_line(tmp_path: Path) -> None:
    assert matinee(tmp_path / "data", "models", "list").stdout == "There is no model yet\n"
    done = matinee(tmp_path / "data", "models", "rollback")
    assert (done.returncode, one_line(done)) == (1, "matinee: There is no model to go back to")
