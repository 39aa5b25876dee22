"""A port that is chosen stays free until its program listens on it."""

import socket
import sys
from pathlib import Path

import pytest

from local.ports import FREE_PORTS, choose_port
from local.program import ProgramError

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its range in a file")
def test_a_chosen_port_is_none_that_the_system_gives_away() -> None:
    """Below the range of outgoing connections, or one of them could take the port in the meantime."""
    assert FREE_PORTS.start > 1024
    assert max(FREE_PORTS) < min(int(RANGE.read_text().split()[0]), 32768)
    assert choose_port() in FREE_PORTS


def test_a_given_port_is_taken_or_refused() -> None:
    """The port that is asked for is the one, and where somebody listens on it that is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ProgramError, match=f"port {port} is taken"):
            choose_port(port)

    assert choose_port(port) == port
