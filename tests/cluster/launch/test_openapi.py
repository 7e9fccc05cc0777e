"""The web site knows the services as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cluster.launch.openapi import APIS, FOLDER, documents, write
from cluster.settings import Settings
from tests.whole.composition import APPLICATIONS


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return documents(Settings(data=tmp_path_factory.mktemp("data")))


def test_every_service_has_a_document(said: dict[str, str]) -> None:
    assert said.keys() == APPLICATIONS.keys() - {"web"}
    for name, text in said.items():
        assert [server["url"] for server in json.loads(text)["servers"]] == [APPLICATIONS[name]]


@pytest.mark.parametrize("name", APIS)
def test_what_is_committed_is_what_the_service_says(said: dict[str, str], name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == said[name], "run `just types` and commit what it changes"


@pytest.mark.parametrize("name", APIS)
def test_its_types_know_every_path(said: dict[str, str], name: str) -> None:
    types = (FOLDER / f"{name}.ts").read_text()
    paths = types[types.index("export interface paths {") : types.index("export type webhooks")]
    assert set(re.findall(r'^    "(/[^"]*)": \{$', paths, re.MULTILINE)) == json.loads(said[name])["paths"].keys()


def test_settings_leave_no_trace_in_a_document(said: dict[str, str], tmp_path: Path) -> None:
    other = Settings(data=tmp_path / "x", port=9000, upload_limit_bytes=7, access_token_s=77, public_url="https://tv.example.org")
    assert documents(other) == said


def test_what_did_not_change_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    write(tmp_path / "api", settings)
    (tmp_path / "api/auth.json").write_text("{}")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "api").iterdir()}
    write(tmp_path / "api", settings)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "api").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"auth.json"}
