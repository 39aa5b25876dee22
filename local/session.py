"""What one run of local.sh does: bring the stack up, upload files or stay up for other clients, and leave nothing."""

import os
import sys
import time
from typing import NoReturn

from local import formatting, instructions, uploads
from local.command_line import Options
from local.program import HOST
from local.stack import Stack, running


def run(options: Options) -> int:
    """Upload the files and return the exit code; without files keep the stack up until an exception ends it."""
    # The environment may name a proxy for the downloads, and that cannot reach this machine.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or HOST
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{direct},{HOST}"
    say("starting Firestore, the function and storage")
    started = time.monotonic()
    with running(options) as stack:
        say(f"up in {time.monotonic() - started:.1f} s")
        os.environ.update(stack.variables())
        return _upload_files(options, stack) if options.files else _stay_up(options, stack)


def _upload_files(options: Options, stack: Stack) -> int:
    """Upload the files and print their outcomes; return 0 if every one became a sound."""
    outcomes = {}
    for outcome in uploads.upload_files(stack, options.files):
        outcomes[outcome.blob_name] = outcome
        say(f"{len(outcomes)} of {len(options.files)}: {formatting.format_kind(outcome)}")
        if options.json and outcome.document:
            print(formatting.format_json(outcome.document), flush=True)
    if not options.json:
        print(formatting.format_table([outcomes[name] for name in options.files]), flush=True)
    return 0 if all(outcome.kind == "sound" for outcome in outcomes.values()) else 1


def _stay_up(options: Options, stack: Stack) -> NoReturn:
    """Print how to use the stack, then the outcome of every upload, until a signal or the end of a program."""
    instructions.write_boto(stack)
    print(instructions.format_instructions(stack), file=sys.stderr if options.json else sys.stdout, flush=True)
    for outcome in uploads.watch_uploads(stack):
        line = formatting.format_row(outcome)
        if not options.json:
            print(line, flush=True)
        elif outcome.document:
            print(formatting.format_json(outcome.document), flush=True)
        else:
            say(line)
    raise AssertionError("there is no end of watching")


def say(text: str) -> None:
    """Print a line for people, on stderr, because stdout may be read by a program."""
    print(text, file=sys.stderr, flush=True)
