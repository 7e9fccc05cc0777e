"""A head without Ray: tells what the real one would, and ends as its first argument says. Run as a module."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import msgspec

from cluster.launch.instance import ApplicationState, Process
from cluster.launch.told import Told


def tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    # What is a folder for Ray's cluster tells this one how to behave.
    behaviour = sys.argv[1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if behaviour == "fails":
        tell(Told(failed="the store is damaged", exit_code=1))
        return
    if behaviour == "is misconfigured":
        tell(Told(failed="a variable is missing", exit_code=2))
        return
    if behaviour == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    ray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
    tell(Told(stage="starting the services", needed={"raylet": Process.of(ray.pid)}, dashboard_url="http://127.0.0.1:1"))
    tell(Told(stage="ready", ready=True, applications=(ApplicationState("web", "/", "healthy", 1, 1),)))
    if behaviour == "loses ray":
        ray.kill()
        ray.wait()
    if behaviour == "leaves orphans":
        script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)"
        subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    time.sleep(60)


if __name__ == "__main__":
    main()
