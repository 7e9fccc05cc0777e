"""`matinee up`: start everything and stay, or leave it running in the background."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from rich.console import Console

from cluster.errors import CorruptData, MatineeError, Misconfigured, SiteNotBuilt, StartFailed, StorageFull
from cluster.launch import environment, kept_in
from cluster.launch.client import password_file
from cluster.launch.instance import Instance, State, logs_folder, read, unwritable
from cluster.launch.live import Display
from cluster.launch.moving.progress import restore_file
from cluster.launch.supervisor import Supervisor, sweep_stale
from cluster.settings import Settings, load
from serve_apps.web import build
from serve_apps.web.files import DIST

FREE_BYTES: Final = 64 * 2**20
WAIT_S: Final = 240.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    host: Annotated[str | None, typer.Option(help="The address to listen on; 0.0.0.0 lets others in the house in. [MATINEE_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="The port of the site and the API. [MATINEE_PORT]")] = None,
    public_url: Annotated[str | None, typer.Option(help="Where others reach this machine. [MATINEE_PUBLIC_URL]")] = None,
    store: Annotated[
        str | None, typer.Option(help="cassandra://host:9042/keyspace instead of the embedded store. [MATINEE_STORE, also for passwords]")
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="kafka://host:9092 instead of the embedded log. [MATINEE_LOG, also for passwords]")
    ] = None,
    edge: Annotated[bool, typer.Option("--edge/--no-edge", help="Also run an edge, which delivers the video.")] = True,
    demo: Annotated[bool, typer.Option("--demo", help="Fill it with films, two series and two members; it can be used meanwhile.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready, and leave it running.")] = False,
) -> None:
    """Start Matinee on this machine, or on the Ray cluster at RAY_ADDRESS. Ctrl-C ends all that it started."""
    given = {"host": host, "port": port, "store": store, "log": log}
    settings = load(**given, public_url=public_url)
    settings = load(**given, **addresses(settings, edge=edge))
    ray_address = os.environ.get("RAY_ADDRESS", "")
    instance = Instance.claim(settings.data)
    try:
        sweep_stale(instance)
        require_restored(settings)
        kept_in.require_named(settings)
        if leaves := kept_in.moved(settings):
            print(f"matinee: {leaves}", file=sys.stderr)
        require_space(settings)
        environment.require_ports(settings, edge=edge, joined=bool(ray_address))
        require_sound(settings)
        settings.secret_bytes()
        require_site(Console())
    except BaseException:
        instance.release()
        raise
    supervisor = Supervisor(settings, instance, ray_address=ray_address, edge=edge, demo=demo)
    display = Display(Console(), lambda: notes(settings, demo=demo), lambda: noted(settings))
    if detach:
        _in_background(settings, supervisor, instance, display)
    else:
        _in_foreground(supervisor, instance, display)


def notes(settings: Settings, *, demo: bool = False) -> tuple[str, ...]:
    """Return what a person should know once it runs, as `label: text`: the demo's sign-ins, and the operator's until `noted`."""
    told = []
    if not _noted(settings).exists():
        known_as = "MATINEE_OPERATOR_PASSWORD"
        if settings.operator_password is None:
            with contextlib.suppress(OSError):
                known_as = password_file(settings).read_text().strip()
        told.append(f"Operator: {settings.operator_email}, {known_as}")
    if demo:
        from cluster.launch.demo.fill import MEMBERS

        told += [f"{member.name}: {member.email}, {member.password}" for member in MEMBERS]
    return tuple(told)


def noted(settings: Settings) -> None:
    """Keep that the operator's sign-in was printed: only then was it the first start, however many were broken off before."""
    with contextlib.suppress(OSError):  # else it is printed once more
        _noted(settings).touch()


def _noted(settings: Settings) -> Path:
    return settings.data / "operator-noted"


def addresses(settings: Settings, *, edge: bool, lan_address: Callable[[], str] | None = None) -> dict[str, str]:
    """Return the public addresses of site and edge, so that a phone in the house reaches both.

    Listening on all addresses, the site is found at this machine's own, and the edge on the host of the site.

    Raises:
        Misconfigured: a site on https would send its viewers to an edge without.
    """
    public_url = settings.public_url
    if not public_url and settings.host == "0.0.0.0":  # noqa: S104
        found = (lan_address or environment.lan_address)()
        public_url = f"http://{found}:{settings.port}" if found else ""
    site = urlsplit(public_url)
    if settings.edge_url or not public_url or not edge:
        return {"public_url": public_url, "edge_url": settings.edge_url}
    if site.scheme == "https":
        raise Misconfigured(f"MATINEE_EDGE_URL must be set too: a page of {public_url} plays no video from http")
    host = f"[{site.hostname}]" if ":" in (site.hostname or "") else site.hostname
    return {"public_url": public_url, "edge_url": f"http://{host}:{settings.edge_port}"}


def require_space(settings: Settings) -> None:
    """Check that there is room to start at all.

    Raises:
        StorageFull: less than FREE_BYTES are free.
        StoreUnavailable: the directory cannot be written.
    """
    try:
        found = os.statvfs(settings.data)
    except OSError as error:
        raise unwritable(settings.data, error) from error
    if found.f_bavail * found.f_frsize < FREE_BYTES:
        raise StorageFull(f"{settings.data}: less than {FREE_BYTES >> 20} MiB are free on the disk")


def require_restored(settings: Settings) -> None:
    """Check that no restore was broken off.

    Raises:
        Misconfigured: one was.
    """
    if restore_file(settings.data).exists():
        raise Misconfigured(
            f"A restore was broken off: run `matinee restore` again, it goes on ({restore_file(settings.data)} says from where)"
        )


def require_sound(settings: Settings) -> None:
    """Check that the embedded databases open.

    Raises:
        CorruptData: a file is none; the sentence names it.
    """
    for url in (settings.store, settings.log):
        scheme, _, folder = url.partition(":")
        for path in sorted(Path(folder).glob("*.sqlite3")) if scheme == "sqlite" else []:
            try:
                with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
                    database.execute("PRAGMA schema_version").fetchone()
            except sqlite3.DatabaseError as error:
                if "locked" not in str(error):
                    raise CorruptData(f"{path} is damaged ({error}): restore it from a backup, or move it away") from error


def require_site(console: Console, built: Callable[[Callable[[str], None]], None] = build.built, dist: Path = DIST) -> None:
    """Build the web site if its sources changed, and say so. Where that fails, one that was built before goes on being served.

    Raises:
        SiteNotBuilt: it cannot be built, and there is none.
    """
    status = console.status("")

    def tell(doing: str) -> None:
        if console.is_terminal:
            status.update(doing)
            status.start()
        else:
            console.print(doing)

    try:
        built(tell)
    except SiteNotBuilt as error:
        if not (dist / build.STAMP).is_file():
            raise
        status.stop()
        print(f"matinee: {error.detail}; the web site is served as it was built before", file=sys.stderr)
    finally:
        status.stop()


def _in_foreground(supervisor: Supervisor, instance: Instance, display: Display) -> None:
    try:
        with display:
            code = supervisor.run(display.show)
    finally:
        instance.release(keep_state=supervisor.left_behind)
    if code:
        raise _told(supervisor.state, code)


def _in_background(settings: Settings, supervisor: Supervisor, instance: Instance, display: Display) -> None:
    try:
        log = os.open(logs_folder(settings.data) / "up.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        pid = os.fork()
    except OSError as error:
        instance.release()
        raise unwritable(settings.data, error) from error
    if pid == 0:
        _become_daemon(instance, log)
        code = 1
        try:
            supervisor.adopt()
            code = supervisor.run(lambda _: None)
        except Exception:
            traceback.print_exc()
        finally:
            instance.release(keep_state=bool(supervisor.state.failed) or supervisor.left_behind)
            os._exit(code)
    started_s = time.monotonic()
    try:
        with display:
            while True:
                gone, status = os.waitpid(pid, os.WNOHANG)
                state = read(settings.data)
                mine = state if state is not None and state.supervisor.pid == pid else None
                if mine is not None:
                    display.show(mine)
                if gone:
                    raise _told(mine, os.waitstatus_to_exitcode(status))
                if mine is not None and mine.ready:
                    return
                if time.monotonic() - started_s > WAIT_S:
                    raise StartFailed(f"Not ready after {WAIT_S:.0f} s; the logs are in {logs_folder(settings.data)}")
                time.sleep(0.1)
    except BaseException:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
        instance.release(keep_state=True)  # a child that was killed could not
        raise


def _become_daemon(instance: Instance, log: int) -> None:
    os.setsid()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    # Whatever the caller had open (a lock, a pipe that somebody reads to its end) is not ours to keep.
    os.closerange(3, instance.lock)
    os.closerange(instance.lock + 1, os.sysconf("SC_OPEN_MAX"))


def _told(state: State | None, code: int) -> MatineeError:
    reason = state.failed if state is not None and state.failed else "Matinee ended while it started"
    return Misconfigured(reason) if code == 2 else StartFailed(reason)
