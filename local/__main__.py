"""Bring the stack up, put files through it or keep it up for other clients, and leave nothing of it."""

import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from local import batch, paste, show
from local.options import Options, parse
from local.part import HOST, PartError
from local.signals import Stopped, ignore_signals, raise_on_signals
from local.stack import Stack, running


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    options = parse(arguments)
    raise_on_signals()
    try:
        return _run(options)
    except Stopped as stopped:
        ignore_signals()
        return 0 if stopped.by_keyboard and not options.files else stopped.status
    except PartError as error:
        _say(f"local.sh: {error}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain again at its end
        return 1


def _run(options: Options) -> int:
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{os.environ.get('NO_PROXY', '')},{HOST}".lstrip(",")
    _say("starting Firestore, the function and storage")
    started = time.monotonic()
    with running(options) as stack:
        _say(f"up in {time.monotonic() - started:.1f} s")
        os.environ.update(stack.variables())
        return _analyze_files(options, stack) if options.files else _stay_up(options, stack)


def _analyze_files(options: Options, stack: Stack) -> int:
    """Put the files through the stack; 0 if every one became a sound."""
    outcomes = {}
    for outcome in batch.analyze_files(stack, options.files):
        outcomes[outcome.blob_name] = outcome
        _say(f"{len(outcomes)} of {len(options.files)}: {show.format_kind(outcome)}")
        if options.json and outcome.document:
            print(show.format_json(outcome.document), flush=True)
    if not options.json:
        print(show.format_table([outcomes[name] for name in options.files]), flush=True)
    return 0 if all(outcome.kind == "sound" for outcome in outcomes.values()) else 1


def _stay_up(options: Options, stack: Stack) -> NoReturn:
    """Tell how to use the stack, and of everything that comes, until a signal or the end of a part."""
    paste.write_boto(stack)
    print(paste.format_paste(stack), file=sys.stderr if options.json else sys.stdout, flush=True)
    for outcome in batch.watch(stack):
        line = show.format_row(outcome)
        if not options.json:
            print(line, flush=True)
        elif outcome.document:
            print(show.format_json(outcome.document), flush=True)
        else:
            _say(line)
    raise AssertionError("there is no end of watching")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
