"""Child processes: limits, ends, death with the parent, orphans."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cluster import processes
from cluster.child import identity
from cluster.completed import Completed
from cluster.errors import Misconfigured
from cluster.processes import Limits

PYTHON = sys.executable


def python(code: str, cwd: Path, timeout_s: float = 10, limits: Limits = processes.UNLIMITED, **more: object) -> Completed:
    return asyncio.run(processes.run([PYTHON, "-I", "-S", "-c", code], cwd=cwd, limits=limits, timeout_s=timeout_s, **more))  # type: ignore[arg-type]


def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_output_and_code_of_a_program_are_returned(tmp_path: Path) -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (done.returncode, done.stdout, done.stderr, done.ok, done.reason) == (3, b"out\n", "err\n", False, "err")


def test_lines_are_told_as_they_come_and_the_last_needs_no_end(tmp_path: Path) -> None:
    lines: list[str] = []
    assert python("print('one'); print('two', end='')", tmp_path, on_line=lines.append).ok
    assert lines == ["one", "two"]
    errors: list[str] = []
    assert python("import sys; print('three', file=sys.stderr)", tmp_path, on_error_line=errors.append).stderr == "three\n"
    assert errors == ["three"]


def test_a_program_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    done = python("while True: print('x' * 1000)", tmp_path, stdout_bytes=10_000)
    assert done.overflowed
    assert len(done.stdout) == 10_000


def test_of_the_error_output_only_the_tail_is_kept(tmp_path: Path) -> None:
    code = "import sys; [print('y' * 1000, file=sys.stderr) for _ in range(1000)]; print('last', file=sys.stderr)"
    done = python(code, tmp_path, stderr_bytes=4000)
    assert len(done.stderr) == 4000
    assert done.stderr.endswith("last\n")


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    done = python("import time; time.sleep(60)", tmp_path, timeout_s=0.5)
    assert done.timed_out
    assert not done.ok
    assert done.elapsed_s < 3


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = asyncio.run(processes.run(["/nowhere/program"], cwd=tmp_path, timeout_s=5))
    assert done.returncode == 127
    assert "/nowhere/program" in done.reason
    with pytest.raises(Misconfigured):
        asyncio.run(processes.run([PYTHON], cwd=tmp_path / "absent", timeout_s=5))


def test_memory_processor_time_and_file_size_are_limited(tmp_path: Path) -> None:
    assert "MemoryError" in python("x = bytearray(2 << 30)", tmp_path, limits=Limits(memory_bytes=1 << 30)).reason
    assert python("while True: pass", tmp_path, limits=Limits(cpu_s=1)).reason == "used too much processor time"
    code = "f = open('f', 'wb')\nwhile True: f.write(bytes(1 << 16))"
    assert not python(code, tmp_path, limits=Limits(file_bytes=1 << 20)).ok
    assert (tmp_path / "f").stat().st_size <= 1 << 20


def test_low_priority_covers_the_group_that_the_kernel_schedules_by(tmp_path: Path) -> None:
    code = "import os; print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_BATCH, open('/proc/self/oom_score_adj').read().strip())"
    assert python(code, tmp_path, limits=Limits(nice=12)).stdout.split() == [b"12", b"True", b"500"]
    if Path("/proc/self/autogroup").exists():
        assert b"nice 12" in python("print(open('/proc/self/autogroup').read())", tmp_path, limits=Limits(nice=12)).stdout


def test_without_network_nothing_is_reachable_where_the_kernel_allows_it(tmp_path: Path) -> None:
    mine = str(Path("/proc/self/ns/net").readlink())
    theirs = python("import os; print(os.readlink('/proc/self/ns/net'))", tmp_path, limits=Limits(network=False)).stdout.decode().strip()
    if theirs == mine:
        pytest.skip("this kernel lets us make no network namespace")
    code = "import socket; s = socket.socket(); s.settimeout(1); print(s.connect_ex(('127.0.0.1', 1)))"
    assert python(code, tmp_path, limits=Limits(network=False)).stdout.strip() == b"101"  # ENETUNREACH, where 111 would be a refusal
    assert python("open('made', 'w').write('x')", tmp_path, limits=Limits(network=False)).ok


def test_a_child_sees_none_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_SECRET", "do not tell")
    assert b"do not tell" not in python("import os; print(dict(os.environ))", tmp_path).stdout
    assert b"given" in python("import os; print(dict(os.environ))", tmp_path, env={"A": "given"}).stdout


def test_cancelling_kills_the_whole_group_within_two_seconds(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\npid = os.fork()\n"
        "open('pids', 'a').write(f'{os.getpid()} ')\ntime.sleep(60)"
    )

    async def scenario() -> float:
        task = asyncio.create_task(processes.run([PYTHON, "-c", code], cwd=tmp_path, timeout_s=60, record=tmp_path / "records"))
        await asyncio.to_thread(until, lambda: len(pids(tmp_path)) == 2)
        began_s = time.monotonic()
        task.cancel("enough")
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        return time.monotonic() - began_s

    assert asyncio.run(scenario()) < 2
    until(lambda: not any(alive(pid) for pid in pids(tmp_path)), 2)
    assert list((tmp_path / "records").iterdir()) == []


def pids(directory: Path) -> list[int]:
    path = directory / "pids"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_a_started_child_is_stopped_politely_when_there_is_time(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\ndef end(*_):\n    open('farewell', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nopen('pids', 'w').write('1')\ntime.sleep(60)"
    )

    async def scenario() -> int | None:
        child = await processes.start([PYTHON, "-c", code], cwd=tmp_path)
        await asyncio.to_thread(until, lambda: bool(pids(tmp_path)))
        await child.stop(grace_s=5)
        await child.stop()
        return child.returncode

    assert asyncio.run(scenario()) == 0
    assert (tmp_path / "farewell").exists()


PARENT = """
import asyncio, sys
from pathlib import Path
from cluster import processes
async def main():
    here = Path(sys.argv[1])
    child = await processes.start([sys.executable, "-c", "import time; time.sleep(60)"], cwd=here, record=here / "records")
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen([PYTHON, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until((tmp_path / "records" / str(pid)).exists)
        until(lambda: "sleep" in " ".join(psutil.Process(pid).cmdline()[-1:]) and "child.py" not in " ".join(psutil.Process(pid).cmdline()))
        assert processes.recorded(tmp_path / "records") == [pid]
        parent.kill()
    until(lambda: not alive(pid), 2)
    assert processes.sweep(tmp_path / "records") == []
    assert list((tmp_path / "records").iterdir()) == []


def test_an_orphan_is_swept_and_neither_a_stranger_nor_a_living_parents_child(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()

    async def scenario() -> None:
        orphan = await processes.start([PYTHON, "-c", "import time; time.sleep(60)"], cwd=tmp_path, record=records)
        await asyncio.to_thread(until, lambda: processes.recorded(records) == [orphan.pid])
        assert processes.sweep(records) == []  # its parent lives

        record = records / str(orphan.pid)
        mine, reused = record.read_text(), record.read_text().replace('"started": "', '"started": "another')
        record.write_text(reused)
        assert processes.sweep(records) == []  # the number was given to someone else
        assert alive(orphan.pid)

        record.write_text(mine.replace('"parent_started": "', '"parent_started": "gone'))
        assert processes.sweep(records) == [orphan.pid]
        assert await orphan.wait() == -signal.SIGKILL
        assert not record.exists()

    asyncio.run(scenario())


def test_a_process_is_gone_only_when_its_last_thread_is() -> None:
    code = (
        "import ctypes, socket, threading, time; listening = socket.create_server(('127.0.0.1', 0)); "
        "print(listening.getsockname()[1], flush=True); threading.Thread(target=time.sleep, args=[60]).start(); "
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    child = subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    port = int(child.stdout.readline())
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert identity(child.pid)
    socket.create_connection(("127.0.0.1", port)).close()  # it still listens
    child.send_signal(signal.SIGKILL)
    until(lambda: identity(child.pid) == "")
    child.wait()


def test_sweeping_a_directory_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert processes.sweep(tmp_path / "absent") == []
