"""How an instance looks in a terminal: while it starts, while it runs, and where output is not a terminal, a line a change."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cluster.launch.instance import ApplicationState, State

COLOURS: Final = {"healthy": "green", "scaling": "yellow", "starting": "yellow", "unhealthy": "red", "stopping": "yellow", "missing": "red"}


def applications_table(applications: tuple[ApplicationState, ...]) -> Table:
    """Return the applications, a row each."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    for application in applications:
        table.add_row(
            Text(application.name, style="bold"),
            Text(application.state, style=COLOURS.get(application.state, "")),
            f"{application.replicas}/{application.target}" if application.target else "",
            Text(application.prefix, style="dim"),
        )
    return table


def render(state: State) -> RenderableType:
    """Return what changes while an instance starts and runs."""
    if not state.ready:
        busy = Spinner("dots", Text(f" {state.stage}"), style="yellow")
        return Group(busy, applications_table(state.applications)) if state.applications else busy
    return Group(doings(state), Text(), applications_table(state.applications))


def headline(state: State, notes: tuple[str, ...] = ()) -> RenderableType:
    """Return where the running instance is found, which stays as it is."""
    lines = _lines()
    lines.add_row(Text("Matinee", style="bold yellow"), Text(state.site_url, style="bold"))
    if state.dashboard_url:
        lines.add_row("Ray dashboard", state.dashboard_url)
        if state.dashboard_token:
            lines.add_row("", Text(f"asks for the token in {state.dashboard_token}", style="dim"))
    for note in notes:
        label, _, text = note.partition(": ")
        lines.add_row(label, Text(text))
    return lines


def doings(state: State) -> RenderableType:
    """Return how the edge is, the demo, and the training by the schedule."""
    lines = _lines()
    if state.edge:
        lines.add_row("Edge", Text(state.edge, style="" if state.edge == "runs" else "red"))
    if state.demo:
        lines.add_row("Demo", Text(state.demo))
    if state.training:
        lines.add_row("Training", Text(state.training))
    return lines


def _lines() -> Table:
    return Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))


class Display:
    """Shows the states of an instance as they come; once it is ready, `notes` too, and `noted` hears that they were printed.

    In a terminal what changes is wiped at the end; where the instance is found stays above it.
    """

    def __init__(self, console: Console, notes: Callable[[], tuple[str, ...]] = tuple, noted: Callable[[], None] = lambda: None) -> None:
        self._console, self._notes, self._noted = console, notes, noted
        self._live: Live | None = None
        self._last: State | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def show(self, state: State) -> None:
        """Show a state; the same one again costs nothing."""
        if state == self._last:
            return
        became_ready = state.ready and (self._last is None or not self._last.ready)
        if self._live is not None:
            self._live.update(render(state))
        if became_ready:
            self._console.print(headline(state, self._notes()))
            self._noted()
        elif self._live is None and (self._last is None or self._last.stage != state.stage):
            self._console.print(state.stage)
        self._last = state
