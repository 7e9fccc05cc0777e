from __future__ import annotations

import socket

import pytest

from cluster.errors import Misconfigured, StartFailed
from cluster.launch.joining import require_address
from tests.running import free_ports


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "ray://head:10001", "head:port", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Misconfigured, match="must be host:port"):
        require_address(address)


def test_an_address_where_nothing_listens_is_told_at_once() -> None:
    with pytest.raises(StartFailed, match="nothing answers there"):
        require_address(f"127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(StartFailed, match="nothing answers there"):
        require_address("127.0.0.1:99999")


def test_an_address_that_answers_is_fine() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        require_address(f"127.0.0.1:{listener.getsockname()[1]}")
    require_address("auto")
