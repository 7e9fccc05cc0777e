"""What a home page costs through Ray Serve: `python -m bench.home [--titles 27000]`.

Replicas as they are deployed, on a Serve of their own: recommendations with a made-up catalogue and model, and the encoder with torch;
what profiles watched and listed are rows of an embedded store. First as many pages as eight readers get, of profiles that do not change,
against a Serve application that answers nothing; then twenty a second, whoever waits, each of a profile that has just watched something
else; the first two seconds are not counted, in which what lay idle comes back into the processor's caches. Tokens are taken for what they
say: what it costs to verify them is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from ray import serve
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from actors.sessions.stream import Place
from actors.sessions.tables import PLACES, place_sort
from bench.catalog_memory import WORDS, text, title
from cluster.durable import Row, open_store
from cluster.launch.environment import RAY_FOLDER, RUN_ID, free_block, local_environment
from cluster.security.claims import Claims
from cluster.settings import Settings
from serve_apps.catalog.record import TitleState
from serve_apps.http import served
from serve_apps.profiles.choices import AT
from serve_apps.profiles.tables import CHOICES
from serve_apps.recommendations.encoder import Ask, Encoder, Encoding
from serve_apps.recommendations.live import Live
from serve_apps.recommendations.live_model import LiveModel
from serve_apps.recommendations.routes import PREFIX, create_api
from serve_apps.recommendations.service import Recommendations
from serve_apps.serving import DeploymentTarget, Replica
from tests.running import free_ports

WIDTH: Final = 256
NEIGHBOURS: Final = 100
WATCHED: Final = 40
LISTED: Final = 10
PATTERNS: Final = 500
BUNDLE: Final = "made"
PROFILES: Final = 20
READERS: Final = 8
READ_S: Final = 6.0
ROUNDS: Final = 2
EVERY_S: Final = 0.05
UNCOUNTED: Final = 40
ASKED: Final = 400
RUNNING_S: Final = 300.0


def title_id(number: int) -> str:
    """Return the id of a made-up title."""
    return f"{number:032x}"


async def told(settings: Settings, titles: int) -> None:
    """Write what profiles watched and listed: a profile `<n>` what `n` draws; one `<n>-<m>`, which a later page asks for, then `m` too."""
    places, choices = await open_store(settings.store, PLACES), await open_store(settings.store, CHOICES)
    for name in [*map(str, range(PROFILES)), *map(played, range(UNCOUNTED + ASKED))]:
        first, _, then = name.partition("-")
        numbers = random.Random(first).sample(range(titles), WATCHED)
        watched = [int(then) % titles, *numbers] if then else numbers
        await places.put([_place(name, title_id(number), 1_750_000_000.0 - at) for at, number in enumerate(dict.fromkeys(watched))])
        await choices.put([Row(name, f"{name}/list/{title_id(number)}", 1, "list", {AT: float(number)}) for number in range(LISTED)])
    for store in (places, choices):
        await store.close()


def played(number: int) -> str:
    """Return the profile that a page is asked for after a play."""
    return f"{number % PROFILES}-{number * 7919}"


def _place(name: str, title_id: str, at_s: float) -> Row:
    place = Place(title_id, title_id, "film", 600.0, 6000.0, None, at_s, "")
    return Row(name, place_sort(name, title_id), 1, "place", msgspec.to_builtins(place))


class Nothing:
    """Answers nothing, as quickly as Serve can."""

    async def __call__(self, _request: Request) -> Response:
        """Answer."""
        return Response()


class Made:
    """A catalogue of made-up titles, a model of chance, and a gate that believes what it is told."""

    def __init__(self, titles: int) -> None:
        self._titles = titles

    async def titles(self, after: str | None) -> tuple[list[TitleState], str | None]:
        """Return all, at once; see CatalogClient."""
        rng = random.Random(0)
        people = [f"{text(rng, 2)} {number}" for number in range(self._titles)]
        patterns = [title(rng, number, 0) for number in range(PATTERNS)]
        states = []
        for number in range(self._titles):
            made = patterns[number % PATTERNS]
            cast = [member.model_copy(update={"name": rng.choice(people)}) for member in made.cast]
            own = {
                "title_id": title_id(number),
                "name": text(rng, 4),
                "genres": rng.sample(WORDS, 3),
                "created_at_s": rng.uniform(1.6e9, 1.8e9),
            }
            states.append(TitleState(title_id(number), 1, made.model_copy(update={**own, "maturity": 7, "cast": cast})))
        return states, None

    async def live_id(self) -> str | None:
        """See Bundles."""
        return BUNDLE

    async def model(self, bundle_id: str) -> LiveModel:
        """See Bundles."""
        random_ = np.random.default_rng(0)
        ids = tuple(title_id(number) for number in range(self._titles))
        vector_ID = random_.standard_normal((self._titles, WIDTH), dtype=np.float32)
        neighbour_IK = random_.integers(0, self._titles, (self._titles, NEIGHBOURS), dtype=np.int32)
        return LiveModel(bundle_id, ids, vector_ID, neighbour_IK, random_.random((self._titles, NEIGHBOURS), dtype=np.float32))

    async def admit(self, token: str) -> Claims:
        """See Gate."""
        return Claims(token, "device", ("member",), 2e9, profile_id=token, maturity=18)

    async def close(self) -> None:
        """Free nothing."""


@serve.ingress()
class Home(Replica):
    """Recommendations, as their own replica builds them."""

    async def __init__(self, settings: Settings, titles: int, encoder: Any) -> None:  # type: ignore[misc]  # Serve awaits it
        made = Made(titles)
        live = Live(made, DeploymentTarget("encoder", encoder))
        service = Recommendations(settings, made, live=live)  # type: ignore[arg-type]  # all that it asks
        app: ASGIApp = served(create_api(service, made), PREFIX)
        await self.serve(service, app)


class TorchEncoder:
    """The encoder, of a model with weights of chance."""

    def __init__(self, titles: int) -> None:
        self._titles = titles
        self._encoder = Encoder(self._load)

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0)
    async def encode(self, asks: list[Ask]) -> list[Encoding]:
        """See `Encoder.encode`."""
        return await self._encoder.encode(asks)

    async def ready(self, bundle_id: str) -> bool:
        """See `Encoder.ready`."""
        return await self._encoder.ready(bundle_id)

    async def _load(self, _bundle_id: str) -> Any:
        from models.sequence import SequenceModel, SequenceParameters

        return SequenceModel(SequenceParameters(width=WIDTH), self._titles)


# --- readers


class Reader:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Reader:
        self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._out.close()

    async def get(self, path: str, token: str) -> bytes:
        """Return what is answered, plain or in gzip; asserts that it is well."""
        asks = f"Host: home\r\nAuthorization: Bearer {token}\r\nAccept-Encoding: gzip, deflate, br"
        self._out.write(f"GET {path} HTTP/1.1\r\n{asks}\r\n\r\n".encode())
        head = (await self._in.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in head.partition(b"\r\n")[0], head
        return await self._in.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))


async def throughput(port: int, path: str) -> float:
    """Return how many answers a second all readers get together."""
    ends_s, answers = time.monotonic() + READ_S, 0

    async def read(number: int) -> None:
        nonlocal answers
        async with Reader(port) as reader:
            while time.monotonic() < ends_s:
                await reader.get(path, str((number + answers) % PROFILES))
                answers += 1

    await asyncio.gather(*(read(number) for number in range(READERS)))
    return answers / READ_S


async def after_plays(port: int) -> list[float]:
    """Return how long each page took, in ms from when it was due: the next is asked for whether the one before it came or not."""
    free: list[Reader] = []
    took_ms: list[float] = []
    began_s = time.monotonic()

    async def ask(number: int) -> None:
        due_s = began_s + number * EVERY_S
        await asyncio.sleep(due_s - time.monotonic())
        reader = free.pop() if free else await Reader(port).__aenter__()
        await reader.get(PREFIX, played(number))
        if number >= UNCOUNTED:
            took_ms.append(1e3 * (time.monotonic() - due_s))
        free.append(reader)

    await asyncio.gather(*(ask(number) for number in range(UNCOUNTED + ASKED)))
    for reader in free:
        await reader.__aexit__()
    return took_ms


async def measured(port: int) -> None:
    """Print the figures."""
    async with Reader(port) as reader:
        for number in range(PROFILES):
            page = await reader.get(PREFIX, str(number))
    print(f"a page: {len(page) / 1000:.0f} kB, {'picked by the model' if b'top-picks' in page else 'WITHOUT PICKS'}")
    pairs = [(await throughput(port, "/nothing"), await throughput(port, PREFIX)) for _ in range(ROUNDS)]
    nothings, homes = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"unchanged: {homes:.0f} pages a second, nothing {nothings:.0f}: {homes / nothings:.2f} (at least 0.2)")
    took_ms = sorted(await after_plays(port))
    p99_ms = took_ms[len(took_ms) * 99 // 100]
    print(f"after a play, {1 / EVERY_S:.0f} a second: median {statistics.median(took_ms):.0f} ms, p99 {p99_ms:.0f} ms (at most 50)")


def main() -> None:
    """Measure in a process that Ray finds as `matinee up` leaves it: Ray reads its environment while it is imported."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=27_000)
    titles = parser.parse_args().titles
    if RUN_ID in os.environ:
        deploy(titles, Path(os.environ["TMPDIR"]))
        return
    with tempfile.TemporaryDirectory(prefix="matinee-") as folder:
        ports = dict(zip(("metrics_port", "stats_port"), free_ports(2), strict=True))
        environment = local_environment(Settings(data=Path(folder), **ports), Path(folder), "bench", free_block("bench"))
        subprocess.run([sys.executable, "-m", "bench.home", "--titles", str(titles)], env={**os.environ, **environment}, check=True)


def deploy(titles: int, folder: Path) -> None:
    """Deploy, measure, end."""
    import ray

    (port,) = free_ports(1)
    settings = Settings(data=folder, edge_url="http://edge.example")
    asyncio.run(told(settings, titles))
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=str(folder / RAY_FOLDER),
        _node_ip_address="127.0.0.1",
    )
    try:
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        one: dict[str, Any] = {"ray_actor_options": {"num_cpus": 0.05}, "max_ongoing_requests": 64}
        nothing = serve.deployment(Nothing, name="nothing", **one)
        serve.run(nothing.bind(), name="nothing", route_prefix="/nothing")
        encoder = serve.deployment(TorchEncoder, name="encoder", **one)
        home = serve.deployment(Home, name="recommendations", **one)
        serve.run(home.bind(settings, titles, encoder.bind(titles)), name="recommendations", route_prefix=PREFIX)
        asyncio.run(asyncio.wait_for(_measured_once_picked(port), RUNNING_S))
    finally:
        ray.shutdown()


async def _measured_once_picked(port: int) -> None:
    async with Reader(port) as reader:
        while b'"fallback":"none"' not in await reader.get(PREFIX, "0"):  # noqa: ASYNC110 -- the encoder loads the model
            await asyncio.sleep(0.5)
    await measured(port)


if __name__ == "__main__":
    main()
