"""The real gcloud without its start: each call is forked from a process that has imported gcloud's own main already.

It is run by the SDK's Python, with the address of a socket. A call costs 0.2 s instead of 0.8 s, of which a test that
deploys a dozen times has hundreds. The tests of dry runs and of the 1st generation start gcloud as a user does.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

START_S = 30

_CLIENT = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect({address!r})
    socket.send_fds(warm, [json.dumps([sys.argv, os.getcwd()]).encode()], [0, 1, 2])
    sys.exit(int(warm.recv(16) or 1))
"""


def start(directory: Path, environment: dict[str, str]) -> subprocess.Popen[bytes] | None:
    """Put a warm `gcloud` into a directory and start what is behind it; None where the SDK is not laid out as usual."""
    sdk = Path(shutil.which("gcloud") or "").resolve().parent.parent
    python = sdk / "platform" / "bundledpythonunix" / "bin" / "python3"
    if not (sdk / "lib" / "gcloud.py").exists() or not python.exists():
        return None
    address = directory / "socket"
    client = directory / "gcloud"
    client.write_text(_CLIENT.format(python=sys.executable, address=str(address)))
    client.chmod(0o755)
    process = subprocess.Popen([python, "-S", __file__, sdk / "lib", address], env=environment)
    end = time.monotonic() + START_S
    while not address.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("the warm gcloud did not start")
        time.sleep(0.05)
    return process


def serve(library: str, address: str) -> None:
    """Answer calls until killed, each in a process of its own."""
    sys.path[:0] = [library]
    import gcloud  # noqa: PLC0415  # lib/gcloud.py, which finds the rest

    main = gcloud._import_gcloud_main().main
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.starting")
        listening.listen()
        Path(f"{address}.starting").rename(address)
        while True:
            call, _address = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                message, descriptors, _flags, _from = socket.recv_fds(call, 2**16, 3)
                sys.argv, directory = json.loads(message)
                os.chdir(directory)
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                try:
                    code = main() or 0
                except SystemExit as end:
                    code = end.code or 0
                sys.stdout.flush()
                sys.stderr.flush()
                call.sendall(str(code).encode())
                os._exit(0)
            call.close()


if __name__ == "__main__":
    serve(*sys.argv[1:])
