"""`matinee ingest FILE|FOLDER…`: the command and its progress bars."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cluster.errors import MatineeError
from cluster.launch.client import OperatorClient
from cluster.launch.ingest.journal import Journal
from cluster.launch.ingest.options import Options
from cluster.launch.ingest.pipeline import Ingest, Outcome, problems_of
from cluster.launch.instance import run_folder
from cluster.settings import load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[
        list[Path], typer.Argument(help="Video files, or folders of them, named as for Jellyfin or Plex.", metavar="FILE|FOLDER...")
    ],
    title: Annotated[
        str | None, typer.Option(help="The film's name (with --series: the episode's); by default from the file's name.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="The year it came out.", min=1870, max=2100)] = None,
    genre: Annotated[list[str] | None, typer.Option(help="A genre; may be given several times.")] = None,
    kind: Annotated[str | None, typer.Option(help="film, episode or trailer; by default from the name.")] = None,
    series: Annotated[str | None, typer.Option(help="The series that an episode belongs to.")] = None,
    season: Annotated[int | None, typer.Option(help="The episode's season; 0 holds specials.", min=0, max=999)] = None,
    episode: Annotated[int | None, typer.Option(help="The episode's number.", min=0, max=9999)] = None,
    maturity: Annotated[
        int | None, typer.Option(help="The age from which it may be seen; unrated titles are for adults.", min=0, max=18)
    ] = None,
    language: Annotated[str | None, typer.Option(help="The language of sound tracks that don't say theirs, as en or pt-BR.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Don't publish.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome of each file as JSON.")] = False,
) -> None:
    """Upload, encode and publish video files. A run that was broken off goes on where it stopped."""
    options = Options(
        title=title, year=year, genres=tuple(genre or ()), kind=kind, series=series, season=season, episode=episode,
        maturity=maturity, language=language, draft=draft,
    )  # fmt: skip
    settings = load()
    bars = Bars(quiet=as_json)
    with OperatorClient.of_running(settings) as api, bars.display:
        journal = Journal(run_folder(settings.data) / "ingest", bars.warn)
        outcomes = Ingest(api, journal, bars, options).run(paths)
    if as_json:
        sys.stdout.write(msgspec.json.encode(outcomes).decode() + "\n")
    else:
        for outcome in outcomes:
            if outcome.error is None:
                print(f"{outcome.playable_id}  {outcome.name}{'' if outcome.published else '  (draft)'}")
            for note in outcome.notes:
                bars.warn(f"{outcome.file}: {note}")
    problems = list(problems_of(outcomes))
    if problems:
        raise MatineeError("; ".join(problems))


class Bars:
    """Shows one bar a file: first its upload, then its encoding."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self.display = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[step]}"),
            TimeElapsedColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}

    def uploading(self, outcome: Outcome, sent_bytes: int, total_bytes: int) -> None:
        """See `pipeline.Progress`."""
        self._show(outcome, sent_bytes / max(1, total_bytes) * 100, "uploading")

    def encoding(self, outcome: Outcome, job: dict[str, Any]) -> None:
        """See `pipeline.Progress`."""
        rest = f", {job['eta_s']:.0f} s left" if job.get("eta_s") else ""
        self._show(outcome, float(job["progress"]) * 100, f"{job['state']}{rest}")

    def waiting(self, outcome: Outcome, reason: str) -> None:
        """See `pipeline.Progress`."""
        self._show(outcome, None, "waiting for an answer")

    def warn(self, sentence: str) -> None:
        """Say something above the bars."""
        self.display.console.print(f"matinee: {sentence}", markup=False, highlight=False)

    def ended(self, outcome: Outcome) -> None:
        """See `pipeline.Progress`."""
        self._show(outcome, 100, "failed" if outcome.error else "ready")

    def _show(self, outcome: Outcome, percent: float | None, step: str) -> None:
        if outcome.file not in self._bars:
            self._bars[outcome.file] = self.display.add_task(outcome.name or Path(outcome.file).name, total=100, step="")
        self.display.update(self._bars[outcome.file], completed=percent, step=step)
