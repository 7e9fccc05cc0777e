from __future__ import annotations

import io
import re
from pathlib import Path

import msgspec
from rich.console import Console

from cluster.launch.instance import ApplicationState, Process, State
from cluster.launch.live import Display, render

STARTING = State(
    run_id="run",
    supervisor=Process(1, "x"),
    run_dir="/run",
    site_url="http://tv.example",
    api_url="http://127.0.0.1:8000",
    stage="starting Ray",
)


def ready(**changes: object) -> State:
    applications = (ApplicationState("catalog", "/api/v1/titles", "healthy", 2, 2), ApplicationState("web", "/", "unhealthy", 0, 1))
    given = {"ready": True, "stage": "ready", "edge": "runs", "dashboard_url": "http://127.0.0.1:8265", "applications": applications}
    given["dashboard_token"] = "/films/ray-token"
    return msgspec.structs.replace(STARTING, **{**given, **changes})


def shown(*states: State, notes: tuple[str, ...] = ()) -> str:
    out = io.StringIO()
    with Display(Console(file=out, width=100), lambda: notes) as display:
        for state in states:
            display.show(state)
    return out.getvalue()


def test_where_output_is_no_terminal_each_stage_is_a_line() -> None:
    stages = [STARTING, STARTING, msgspec.structs.replace(STARTING, stage="starting the services"), ready(), ready(demo="3 of 26 play")]
    lines = shown(*stages, notes=("Operator: operator@matinee.local, abcde",)).splitlines()
    assert lines[:2] == ["starting Ray", "starting the services"]
    assert [line.split() for line in lines[2:]] == [
        ["Matinee", "http://tv.example"],
        ["Ray", "dashboard", "http://127.0.0.1:8265"],
        ["asks", "for", "the", "token", "in", "/films/ray-token"],
        ["Operator", "operator@matinee.local,", "abcde"],
    ]


def test_a_running_instance_shows_every_application_with_its_replicas() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(render(ready(demo="all 26 play", training="a model learns")))
    rows = [line.split() for line in out.getvalue().splitlines()]
    assert ["catalog", "healthy", "2/2", "/api/v1/titles"] in rows
    assert ["web", "unhealthy", "0/1", "/"] in rows
    assert ["Demo", "all", "26", "play"] in rows
    assert ["Training", "a", "model", "learns"] in rows


def test_what_the_edge_said_last_is_no_markup(tmp_path: Path) -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(render(ready(edge="[red] is no colour")))
    assert "[red] is no colour" in out.getvalue()


def test_a_terminal_keeps_where_it_is_found_and_forgets_what_changed() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, height=30, force_terminal=True)
    noted = []
    with Display(console, lambda: ("Operator: operator@matinee.local, abcde",), lambda: noted.append(out.getvalue())) as display:
        for state in (STARTING, ready(), ready(demo="3 of 26 play")):
            display.show(state)
    stays = screen(out.getvalue())
    assert [line.split() for line in stays] == [
        ["Matinee", "http://tv.example"],
        ["Ray", "dashboard", "http://127.0.0.1:8265"],
        ["asks", "for", "the", "token", "in", "/films/ray-token"],
        ["Operator", "operator@matinee.local,", "abcde"],
    ]
    [printed] = noted
    assert "abcde" in printed


def screen(written: str) -> list[str]:
    """Return the lines that a terminal still shows: applies what moves its cursor up and erases lines."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\n|\r)", written):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part and part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line for line in lines if line.strip()]
