"""A real edge in a process of its own, with an object store and a data folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from cluster.security.paths import PathSigner
from tests.cluster.edge.until import until

SECRET = "a secret of the tests, long enough"
SEGMENT = bytes(range(256)) * 4000
"""The content of a segment: 1,024,000 bytes."""
REPOSITORY = Path(__file__).parents[3]


StartEdge = Callable[..., "RunningEdge"]


class RunningEdge:
    """`python -m cluster.edge` on a free port; `within` is a command that runs it, `constants` are of its modules, by their full name."""

    def __init__(
        self,
        data: Path,
        *,
        within: Sequence[str] = (),
        constants: Mapping[str, float] | None = None,
        edge_id: str | None = None,
        **settings: str,
    ) -> None:
        self.data = data
        self.environment = environment(data, **settings)
        self._within = within
        self._named = ["--edge-id", edge_id] if edge_id else []
        self._program = ["-m", "cluster.edge"]
        if constants:
            modules = {name.rpartition(".")[0] for name in constants}
            lines = [f"import {', '.join(modules)}, cluster.edge.__main__", *(f"{name} = {value!r}" for name, value in constants.items())]
            self._program = ["-c", "\n".join([*lines, "cluster.edge.__main__.main()"])]
        self.process: subprocess.Popen[str]
        self.url = ""
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*self._within, sys.executable, *self._program, "--port", "0", *self._named],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=(self.data / "edge.log").open("a"),
            text=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("edge ready at "), (self.data / "edge.log").read_text()
        self.url = line.split()[-1]
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.client.close()
        self.process.terminate()
        return self._ended()

    def kill(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def _ended(self) -> int:
        code = self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()
        return code

    def put(self, name: str, content: bytes) -> None:
        """Put an object into the origin."""
        path = self.data / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def path(self, file: str, session_id: str = "session", lifetime_s: float = 3600) -> str:
        """Return the signed path of a file of film, version v1."""
        return PathSigner(SECRET.encode()).sign("film", "v1", session_id, lifetime_s) + f"/{file}"

    def put_film(self, file: str, content: bytes) -> str:
        """Put a file of film, version v1, into the origin; return its signed path."""
        self.put(f"media/film/v1/{file}", content)
        return self.path(file)

    def counters(self) -> dict[str, Any]:
        return dict(self.client.get("/counters").json())

    def counted(self, **expected: int) -> None:
        """Wait until the counters stand as expected; what a request counts may follow its answer."""
        until(lambda: {name: self.counters()[name] for name in expected} == expected)


def environment(data: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings of Matinee and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MATINEE_")}
    return {**clean, "MATINEE_DATA": str(data), "MATINEE_SECRET": SECRET, **settings}


def refusal(data: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Start an edge that must not come up; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "cluster.edge", *arguments],
        check=False,
        cwd=REPOSITORY,
        env=environment(data, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr
