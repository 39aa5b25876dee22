"""Try small changes to the code, each of which would hurt somebody, and print which of them the tests notice.

Each change is made in a copy of the checkout as it is, committed or not; the tests that are named with it run there,
first without it and then with it. Changes and tests stand in tests/mutations/*.toml. Exits with 1 unless all that were
tried were noticed, with 2 for wrong usage, with 130 after Ctrl-C.
"""

import argparse
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from tests.mutations.change import Change, read_changes
from tests.mutations.trial import Outcome, Result, Trials


def main() -> int:
    """Try what the command line asks for."""
    changes = read_changes()
    arguments = _parser().parse_intermixed_args()
    known = {change.name for change in changes} | {change.folder for change in changes}
    if unknown := set(arguments.names) - known:
        print(f"tests.mutations: unknown: {', '.join(sorted(unknown))} (--list prints all names)", file=sys.stderr)
        return 2
    chosen = [one for one in changes if not arguments.names or {one.name, one.folder} & set(arguments.names)]
    if arguments.list:
        for change in chosen:
            print(f"{change.folder:9} {change.name}: {change.breaks}")
        return 0
    return _attempt_all(chosen, arguments.jobs)


def _attempt_all(changes: list[Change], jobs: int) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # a shell's background job ignores SIGINT
    trials = Trials()
    outcomes: dict[str, Outcome] = {}
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(trials.attempt, change): change for change in changes}
        try:
            for future in as_completed(futures):
                outcomes[futures[future].name] = _report(futures[future], future, len(outcomes) + 1, len(changes))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        finally:
            trials.stop()
            pool.shutdown(cancel_futures=True)
    for outcome in Outcome:
        names = [change.name for change in changes if outcomes[change.name] == outcome]
        if names and outcome != Outcome.NOTICED:
            print(f"{outcome}: {', '.join(names)}")
    noticed = list(outcomes.values()).count(Outcome.NOTICED)
    print(f"{noticed} of {len(changes)} noticed")
    return 0 if noticed == len(changes) else 1


def _report(change: Change, future: Future[Result], number: int, total: int) -> Outcome:
    result = future.result()
    print(f"[{number}/{total}] {result.outcome}: {change.name} ({result.seconds:.0f} s: {result.reason})", flush=True)
    if result.outcome == Outcome.NOT_NOTICED:
        print(f"    {change.file}: {change.old.strip()!r} became {change.new.strip()!r}: {change.breaks}", flush=True)
    return result.outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a change, or a TOML file such as analysis; else all")
    parser.add_argument("--list", action="store_true", help="print the names of the changes and what they break")
    parser.add_argument("--jobs", type=_count, default=2, metavar="N", help="changes tried at once (%(default)s)")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: accepted is a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
