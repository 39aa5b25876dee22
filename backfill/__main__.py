"""What backfill.sh runs: from the command line to the exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from backfill.arguments import parse


def main(argv: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    arguments = parse(argv)
    signal.signal(signal.SIGTERM, _leave)
    os.environ["GOOGLE_CLOUD_PROJECT"] = arguments.project  # all clients go by it
    try:
        from backfill.agreement import bring_about  # noqa: PLC0415 - its imports take a second, in which Ctrl-C is heard

        return bring_about(arguments)
    except KeyboardInterrupt:
        print("\nbackfill.sh: stopped; run the same command again and it goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
