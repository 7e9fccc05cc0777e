"""The session's running platform, left as it was found."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
import psutil
import pytest

from cluster.durable import open_log
from cluster.events import PLAYBACK, Event
from tests.platform.plays import counted
from tests.running import Platform, eventually

pytestmark = pytest.mark.ray


def test_everything_is_healthy_when_up_returns(platform: Platform) -> None:
    done = platform.command("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ready"] is True
    assert told["site_url"] == platform.site_url
    assert told["dashboard_url"] == f"http://127.0.0.1:{platform.settings.dashboard_port}"
    assert {application["state"] for application in told["applications"]} == {"healthy"}
    assert {application["name"] for application in told["applications"]} >= {"auth", "profiles", "catalog", "operations", "web"}
    assert all(actor["answers"] for actor in told["actors"])
    assert [edge["url"] for edge in told["edges"]] == [platform.edge_url]
    assert told["jobs"] == []


def test_no_process_holds_pandas_which_none_needs(platform: Platform) -> None:
    held = {process.pid: [each.path for each in process.memory_maps()] for process in platform.processes("ray::")}
    assert any("numpy" in path for paths in held.values() for path in paths)
    assert {pid for pid, paths in held.items() if any("pandas" in path for path in paths)} == set()


def test_status_waits_for_what_is_there_already(platform: Platform) -> None:
    assert platform.command("status", "--wait", "--timeout", "5").returncode == 0


def test_the_sites_are_built_and_served_with_their_edge_in_reach(platform: Platform) -> None:
    pages = [httpx.get(platform.site_url + path) for path in ("/films", "/console/services")]
    assert pages[0].text != pages[1].text
    for page in pages:
        assert f"{platform.edge_url.rpartition(':')[0]}:*" in page.headers["content-security-policy"]
        scripts = re.findall(r'src="(/assets/[^"]+[.]js)"', page.text)
        assert scripts
        for script in scripts:
            answer = httpx.get(platform.site_url + script, headers={"Accept-Encoding": "gzip"})
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
            assert "immutable" in answer.headers["cache-control"]
    assert httpx.get(f"{platform.site_url}/api/v1/nothing").status_code == 404


def test_every_listed_service_shows_its_documents(platform: Platform) -> None:
    for application in platform.state.applications:
        path = f"{application.prefix.rstrip('/')}/docs"
        assert httpx.get(platform.site_url + path).status_code == 200
        assert httpx.get(f"{platform.site_url}{application.prefix.rstrip('/')}/openapi.json").json()["openapi"].startswith("3.")


def test_an_answer_carries_one_request_id(platform: Platform) -> None:
    answer = httpx.get(platform.site_url, headers={"X-Request-Id": "mine-1"})
    assert answer.headers.get_list("x-request-id") == ["mine-1"]


def test_a_second_up_says_that_it_runs_already(platform: Platform) -> None:
    for options in ((), ("--detach",)):
        done = platform.command("up", *options)
        assert done.returncode == 1
        assert "Matinee runs already" in done.stderr
        assert platform.site_url in done.stderr
    assert platform.command("status").returncode == 0


def test_only_documented_ports_leave_this_machine(platform: Platform) -> None:
    settings = platform.settings
    outside = set()
    for process in [psutil.Process(platform.state.supervisor.pid), *platform.processes()]:
        try:
            listening = [each.laddr for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
            name = process.name()
        except psutil.NoSuchProcess:
            continue
        own = [port for address, port in listening if not address.removeprefix("::ffff:").startswith("127.")]
        if name.startswith("ray::ServeReplica"):
            # The port for other replicas' calls, which asks for Ray's token: Serve has its address written in.
            assert len(own) <= 1, f"{name} listens on {own}"
        else:
            outside |= {(name, port) for port in own}
    assert outside == {("haproxy", settings.metrics_port), ("haproxy", settings.stats_port)}


def test_rays_control_plane_refuses_who_has_no_token(platform: Platform) -> None:
    answer = httpx.get(f"{platform.state.dashboard_url}/api/jobs/")
    assert answer.status_code in {401, 403}
    token = (platform.settings.data / "ray-token").read_text()
    assert httpx.get(f"{platform.state.dashboard_url}/api/version", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_replica_takes_no_call_of_another_without_a_token(platform: Platform) -> None:
    replica = platform.processes("ray::ServeReplica:web:")[0]
    listening = [each.laddr for each in replica.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    port = next(port for address, port in listening if address == "::")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/ray.serve.ASGIService/HandleRequest")(b"", timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_a_dead_edge_is_back_within_3_seconds(platform: Platform) -> None:
    for _ in range(2):
        (edge,) = platform.processes("-m cluster.edge")
        edge.kill()
        killed_s = time.monotonic()
        psutil.wait_procs([edge])
        eventually(lambda: _answers(platform.edge_url + "/health"), timeout_s=10)
        assert time.monotonic() - killed_s < 3.0
        eventually(lambda: platform.state.edge == "runs")


def test_scaling_disturbs_no_request_and_no_replica_that_stays(platform: Platform) -> None:
    before = {process.pid for process in platform.processes("ray::ServeReplica:web:")}
    with _load(platform.site_url) as answers:
        for replicas, running in (("3", 3), ("1..2", 2), ("1", 1)):
            done = platform.command("scale", "web", replicas)
            assert done.returncode == 0, done.stderr
            if replicas != "1..2":
                eventually(lambda running=running: _replicas(platform, "web") == (running, running), timeout_s=60)  # type: ignore[misc]
            if running == 3:
                assert before <= {process.pid for process in platform.processes("ray::ServeReplica:web:")}
    assert set(answers) == {200}, answers
    assert answers[200] > 100
    with platform.operator as operator:
        operator.request("PUT", "/api/v1/operations/applications/web/scale", json={"min_replicas": 1, "max_replicas": 2})


def test_scaling_what_is_not_there_is_one_line(platform: Platform) -> None:
    done = platform.command("scale", "nothing", "2")
    assert done.returncode == 1
    assert done.stderr.strip() == "matinee: There is no application 'nothing'"


def _replicas(platform: Platform, name: str) -> tuple[int, int]:
    application = next(each for each in platform.status()["applications"] if each["name"] == name)
    return application["replicas"], application["target"]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=0.5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def _load(url: str, clients: int = 4) -> Iterator[Counter[object]]:
    """Ask without a pause on kept connections; what was answered, counted, is complete after the block.

    As browsers do, a request is sent anew where a kept connection ends before its answer begins (RFC 9112, section 9.3.1): when a
    replica leaves with a request on its way to it, HAProxy ends the connection in silence and counts on that.
    """
    answers: Counter[object] = Counter()
    stopping = threading.Event()
    host = url.removeprefix("http://")

    def ask() -> None:
        connection, kept = http.client.HTTPConnection(host, timeout=10), False
        while not stopping.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                answers[answer.status] += 1
                kept = connection.sock is not None
            except (OSError, http.client.HTTPException) as error:
                if not (kept and isinstance(error, http.client.RemoteDisconnected)):
                    answers[repr(error)] += 1
                connection, kept = http.client.HTTPConnection(host, timeout=10), False
            stopping.wait(0.01)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def test_a_log_processor_that_is_killed_goes_on_where_it_was(platform: Platform) -> None:
    title_id = f"nowhere-{uuid.uuid4().hex}"

    def play(first: int) -> None:
        value = {"title_id": title_id, "kind": "film", "profile_id": title_id, "position_s": 0.0, "duration_s": 90.0}
        plays = [Event(PLAYBACK.name, "session.started", f"{title_id}/{n}", 1, time.time(), value) for n in range(first, first + 20)]

        async def append() -> None:
            log = await open_log(platform.settings.log)
            await log.append(PLAYBACK, plays)
            await log.close()

        asyncio.run(append())

    def begun() -> int:
        times, _ = counted(platform.settings.store, title_id)
        return times

    play(0)
    eventually(lambda: begun() == 20 or None)
    for process in platform.processes("ray::ProcessorHost"):
        process.kill()
    play(20)
    eventually(lambda: begun() == 40 or None)

    def caught_up() -> bool | None:
        told = {each["name"]: each["lag"] for each in platform.status()["log"]["processors"]}
        return told == {"plays": 0, "profiles": 0} or None

    eventually(caught_up)
    assert "processor plays  0 behind" in platform.command("status").stdout
    eventually(lambda: all(actor["answers"] for actor in platform.status()["actors"]) or None)
