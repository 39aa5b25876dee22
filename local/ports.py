"""Free ports on this machine."""

import random
import socket

from local.program import HOST, ProgramError

# Below the ranges that Linux (32768..) and macOS (49152..) take the ports of outgoing connections from: a port that is
# free now stays free until the program listens on it.
FREE_PORTS = range(20000, 32768)


def choose_port(given: int = 0) -> int:
    """Return the given port, or a free one for 0; raise ProgramError if the given one is taken."""
    if given:
        if not _is_free(given):
            raise ProgramError(f"port {given} is taken: give another, or none to have a free one chosen")
        return given
    return next(port for port in random.sample(FREE_PORTS, 1000) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
