"""What is done to nodes while clients work: killed, made to stand still, cut off from the others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from cluster.launch.servers.node import Node
from cluster.launch.servers.nodes import Nodes
from tests.running import eventually
from tests.servers import jars_of

READY_TIMEOUT_S: Final = 150.0
OWN_NETWORK: Final = "--in-own-network"
_UNSHARE: Final = ("unshare", "--user", "--map-root-user", "--net")


class Nemesis(Protocol):
    """Something bad that passes."""

    name: str

    def strike(self, nodes: Nodes, node: Node) -> None:
        """Begin it."""
        ...

    def heal(self, nodes: Nodes, node: Node) -> None:
        """End it; returns once all nodes take each other for alive."""
        ...


class Kill:
    """The end of a process by SIGKILL; it starts again with what it had on disk."""

    name = "kill"

    def strike(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis."""
        node.kill()

    def heal(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis; from the main thread, which nodes that are thrown away end with."""
        nodes.start(jars_of(nodes.software), READY_TIMEOUT_S)


class Pause:
    """A process that stands still, its connections open."""

    name = "pause"

    def strike(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis."""
        node.pause()

    def heal(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis."""
        node.resume()
        eventually(lambda: nodes.ready, READY_TIMEOUT_S)


class Partition:
    """A node that clients reach and the other nodes do not: only in a network namespace of our own, where nothing else is touched."""

    name = "partition"

    @staticmethod
    def left_out_because() -> str | None:
        """Say why this machine cannot do it; None if it can."""
        if missing := [program for program in (_UNSHARE[0], "ip") if shutil.which(program) is None]:
            return f"{missing[0]} is not installed"
        tried = subprocess.run(
            [*_UNSHARE, "sh", "-c", "ip link set lo up && ip rule add pref 1 to 127.0.0.2 ipproto tcp dport 1 blackhole"],
            capture_output=True,
            text=True,
            check=False,
        )
        return None if tried.returncode == 0 else f"no network namespace of our own: {tried.stderr.strip() or tried.returncode}"

    @staticmethod
    def enter(arguments: Sequence[str]) -> None:
        """Run this command once more, in a network namespace of its own; does not return."""
        os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, "-m", "tests.histories", OWN_NETWORK, *arguments])

    @staticmethod
    def prepare() -> None:
        """Set the namespace up: its rules come before the one by which all that is local is reached."""
        for command in ("link set lo up", "rule add pref 5 from all lookup local", "rule del pref 0"):
            _ip(command)

    def strike(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis."""
        for rule in self._rules(nodes, node):
            _ip(f"rule add pref 1 {rule} blackhole")

    def heal(self, nodes: Nodes, node: Node) -> None:
        """See Nemesis."""
        for rule in self._rules(nodes, node):
            _ip(f"rule del pref 1 {rule} blackhole")
        eventually(lambda: nodes.ready, READY_TIMEOUT_S)

    @staticmethod
    def _rules(nodes: Nodes, node: Node) -> list[str]:
        ports = [f"{side} {nodes.plan.inner_port}" for side in ("sport", "dport")]
        return [f"{way} {node.host} ipproto tcp {port}" for way in ("from", "to") for port in ports]


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


NEMESES: Final[dict[str, type[Nemesis]]] = {"kill": Kill, "pause": Pause, "partition": Partition}
