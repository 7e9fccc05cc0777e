"""How fast the edge serves what its cache holds, beside a bare Granian RSGI server that sends the same file.

    python -m bench.edge_throughput [--rounds 5] [--seconds 2] [--clients 2] [--connections 4]

Both run in the same run, in alternated rounds of the same clients (processes on plain sockets, kept alive); the ratio is of medians.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from cluster.security.paths import PathSigner

SECRET = "the secret of the bench, long enough"
SIZES = {"16 KB": 16_000, "2 MB": 2_000_000}


def serve_bare(file: str, port: int) -> None:
    """Be the bare server: one worker that answers every request with one file."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    os.environ["BENCH_FILE"] = file
    Granian(
        "bench.edge_throughput:bare",
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()


async def bare(scope: object, protocol: object) -> None:
    """Answer with the file and the two headers that a player needs."""
    file = os.environ["BENCH_FILE"]
    length = str(os.stat(file).st_size)  # noqa: PTH116
    protocol.response_file(200, [("content-type", "video/iso.segment"), ("content-length", length)], file)  # type: ignore[attr-defined]


def ask(port: int, path: str, seconds: float, connections: int) -> tuple[int, float]:
    """Ask again and again on some connections at once; return answers and seconds."""
    request = f"GET {path} HTTP/1.1\r\nHost: edge\r\n\r\n".encode()
    selector = selectors.DefaultSelector()
    remaining: dict[socket.socket, int] = {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
        remaining[connection] = -1
    buffer = bytearray(1 << 20)
    answers, started_s = 0, time.perf_counter()
    while (now_s := time.perf_counter()) - started_s < seconds:
        for key, _ in selector.select(1):
            connection = key.fileobj  # type: ignore[assignment]
            got = connection.recv_into(buffer)
            if got == 0:
                raise ConnectionError("the server closed a connection")
            left = remaining[connection]
            if left < 0:
                head, _, rest = bytes(buffer[:got]).partition(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise ConnectionError(head.decode())
                left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(rest)
            else:
                left -= got
            if left == 0:
                answers += 1
                connection.sendall(request)
                left = -1
            remaining[connection] = left
    for connection in remaining:
        connection.close()
    return answers, now_s - started_s


def measure(port: int, path: str, seconds: float, clients: int, connections: int) -> float:
    """Return answers a second over all client processes."""
    with get_context("spawn").Pool(clients) as pool:
        results = pool.starmap(ask, [(port, path, seconds, connections)] * clients)
    return sum(answers / took_s for answers, took_s in results)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--connections", type=int, default=4)
    options = parser.parse_args()
    print(f"{options.rounds} alternated rounds of {options.seconds:g} s, {options.clients} clients, {options.connections} connections each")
    print(f"{'object':>8} {'bare Granian':>16} {'edge hits':>16} {'ratio':>6}")
    for label, size_bytes in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), label, size_bytes, options)


def compare(folder: Path, label: str, size_bytes: int, options: argparse.Namespace) -> None:
    """Print the row of one size of object."""
    origin = folder / "objects" / "media" / "film" / "v1" / "00001.m4s"
    origin.parent.mkdir(parents=True)
    origin.write_bytes(os.urandom(size_bytes))
    ports = {"bare": free_port(), "edge": free_port()}
    environment = {**os.environ, "MATINEE_DATA": str(folder), "MATINEE_SECRET": SECRET}
    path = PathSigner(SECRET.encode()).sign("film", "v1", "session", 3600) + "/00001.m4s"
    commands = {
        "bare": ["-c", f"from bench.edge_throughput import serve_bare; serve_bare({str(origin)!r}, {ports['bare']})"],
        "edge": ["-m", "cluster.edge", "--port", str(ports["edge"])],
    }
    servers = [subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL) for command in commands.values()]
    try:
        rates: dict[str, list[float]] = {"bare": [], "edge": []}
        for port in ports.values():
            wait_for(port)
            measure(port, path, 0.5, 1, 1)  # the first answer fills the cache
        for _ in range(options.rounds):
            for name, port in ports.items():
                rates[name].append(measure(port, path, options.seconds, options.clients, options.connections))
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(10)
    bare_rate, edge_rate = (statistics.median(rates[name]) for name in ("bare", "edge"))
    columns = [f"{rate:,.0f}/s {rate * size_bytes / 1e9:.2f} GB/s" for rate in (bare_rate, edge_rate)]
    print(f"{label:>8} {columns[0]:>16} {columns[1]:>16} {edge_rate / bare_rate:6.2f}")


if __name__ == "__main__":
    main()
