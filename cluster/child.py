"""Becomes another program after tying itself to its parent and giving up what it won't need.

Run as `python -I -S child.py OPTIONS-AS-JSON program argument…` by `cluster.processes`.
Main path: record -> priority -> no network -> dies with its parent -> limits -> exec.
It imports nothing of Matinee and little of Python: it starts in milliseconds.
What a kernel doesn't offer is left out in silence, except dying with the parent.
"""

# pathlib would take longer than all the rest.
# ruff: noqa: PTH118, PTH123
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import sys
import time
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
FILE_CAPABILITIES = {1, 2}  # what lets root read and write files that are others'
IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # include/uapi/asm-generic/unistd.h and the x86 table
IOPRIO_IDLE = 3 << 13
CPU_GRACE_S = 5  # between SIGXCPU, which says why, and SIGKILL, which could be anybody's


def leave_network(libc: Any) -> None:
    """Move into a network namespace without any interface; needs root or user namespaces."""
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in set(range(41)) - FILE_CAPABILITIES:
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # else root could go back to where the network is


def lower_priority(libc: Any, nice: int) -> None:
    """Give way to everything else: CPU, disk, and first to go when memory runs out."""
    os.nice(nice)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    if platform.machine() in IOPRIO_SET:
        libc.syscall(IOPRIO_SET[platform.machine()], 1, 0, IOPRIO_IDLE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    # Where the kernel groups tasks by session, niceness counts only inside the group (sched(7)): the group must be nice too.
    for _ in range(5):
        try:
            with open("/proc/self/autogroup", "w") as file:
                file.write(str(nice))
            return
        except BlockingIOError:
            time.sleep(0.1)  # the kernel takes one such change a tenth of a second
        except OSError:
            return


def set_limits(limits: dict[str, int]) -> None:
    """Set resource limits by their name in `resource`; never above what this process may."""
    for name, value in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = value + CPU_GRACE_S if kind == resource.RLIMIT_CPU else value
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (min(value, most), most))


def identity(pid: int) -> str:
    """Name a process for all time: boot and start tick; '' when it is gone, as a zombie is once its last thread has ended."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    threads = int(fields[17])  # those that are still ending hold the process's files and ports
    return "" if fields[0] == "X" or (fields[0] == "Z" and threads <= 1) else f"{boot}/{fields[19]}"


def main() -> None:
    """Apply the options and become the program."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    argv = sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    linux = sys.platform == "linux"
    if options["record"]:
        parent = options["parent"]
        with open(os.path.join(options["record"], str(os.getpid())), "w") as file:
            json.dump({"pid": os.getpid(), "started": identity(os.getpid()), "parent": parent, "parent_started": identity(parent)}, file)
    if linux and options["nice"]:
        lower_priority(libc, options["nice"])
    if linux and not options["network"]:
        leave_network(libc)
    # After the namespace: entering one clears the signal (prctl(2)).
    if linux and libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(126)
    if os.getppid() != options["parent"]:
        sys.exit(125)  # the parent died before the signal was set
    set_limits(options["limits"])
    try:
        os.execv(argv[0], argv)  # noqa: S606 (no shell is the point)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
