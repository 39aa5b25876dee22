"""What local.sh runs: from the command line to the exit code."""

import os
import sys
from collections.abc import Sequence

from local.command_line import parse
from local.program import ProgramError
from local.shutdown import Stopped, ignore_signals, raise_on_signals


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    options = parse(arguments)
    raise_on_signals()
    try:
        from local.session import run  # noqa: PLC0415  these imports take a second, in which Ctrl-C already has to work

        return run(options)
    except Stopped as stopped:
        ignore_signals()
        return 0 if stopped.by_keyboard and not options.files else stopped.status
    except ProgramError as error:
        print(f"local.sh: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's own flush at exit would fail again
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
