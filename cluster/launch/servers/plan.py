"""What a group of nodes is made as, kept beside them: whoever starts them again finds the same ports.

Node i listens on 127.0.0.i, so all have the same ports, as on machines of their own.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cluster.errors import Misconfigured
from cluster.launch.environment import can_bind
from cluster.launch.instance import unwritable

PORTS: Final = range(14000, 20000)
"""Where free ports are looked for: below those that Ray is given, and below the kernel's ephemeral ones."""
_TRIES: Final = 200


class Plan(msgspec.Struct, frozen=True):
    """The shape of a group."""

    count: int
    port: int
    """Where clients connect, on every node."""
    inner_port: int
    """Where the nodes talk to each other."""
    group_id: str
    throwaway: bool = False
    """Nothing of it will be missed, and it ends with the process that started it: for tests."""

    @property
    def hosts(self) -> list[str]:
        """The nodes' addresses, in order."""
        return [host_of(number) for number in range(1, self.count + 1)]


def host_of(number: int) -> str:
    """Return the address of a node; they count from 1."""
    return f"127.0.0.{number}"


def make(count: int, port: int, *, throwaway: bool = False, is_free: Callable[[str, int], bool] = can_bind) -> Plan:
    """Return a new plan; port 0 stands for any that is free.

    Raises:
        Misconfigured: no port is free.
    """
    hosts = [host_of(number) for number in range(1, count + 1)]
    port = port or free_port(hosts, set(), is_free)
    return Plan(count, port, free_port(hosts, {port}, is_free), _group_id(), throwaway)


def free_port(hosts: Sequence[str], taken: set[int], is_free: Callable[[str, int], bool] = can_bind) -> int:
    """Return a port that is free on all hosts and not among `taken`."""
    for port in random.sample(PORTS, _TRIES):
        if port not in taken and all(is_free(host, port) for host in hosts):
            return port
    raise Misconfigured(f"No port between {PORTS.start} and {PORTS.stop} is free")


def load(folder: Path) -> Plan | None:
    """Return the plan that is kept in the folder, if there is one.

    Raises:
        Misconfigured: it is damaged.
    """
    path = folder / "plan.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): remove {folder}, and with it what these servers hold") from error


def save(folder: Path, plan: Plan) -> None:
    """Keep the plan, whole or not at all."""
    path = folder / "plan.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.with_suffix(".new").write_bytes(msgspec.json.encode(plan))
        path.with_suffix(".new").replace(path)
    except OSError as error:
        raise unwritable(folder, error) from error


def _group_id() -> str:
    # Kafka takes 16 bytes in base64url, and a leading hyphen for an option.
    while (candidate := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return candidate
