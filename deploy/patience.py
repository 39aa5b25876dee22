"""Some refusals heal by waiting: Google's new accounts, rights and APIs take a while to be known everywhere."""

import re
import time
from collections.abc import Callable
from itertools import chain, repeat

from deploy.refused import RefusedError

_HEALS = re.compile(
    r"Service account [^ ]+ does not exist"  # made a moment ago, granted something now
    r"|recently started to use Eventarc"
    r"|unable to publish to Cloud Pub/Sub topics"  # pubsub.publisher was granted a moment ago
    r"|wait a few minutes for the action to propagate"  # an API was enabled a moment ago
    r"|missing permission on the build service account"  # its roles were granted a moment ago
    r"|concurrent policy changes",
    re.IGNORECASE,
)

# Five minutes in all, as IAM's documentation says of two minutes that they may become seven or more.
WAITS_S = (*(2, 4, 8, 16, 30), *repeat(60, 4))


def patiently(call: Callable[[list[str]], str], command: list[str]) -> str:
    """Return what the call answers, asking again while the refusal is one that heals by waiting."""
    for wait_s in chain(WAITS_S, [None]):
        try:
            return call(command)
        except RefusedError as refused:
            if wait_s is None or not _HEALS.search(refused.answer):
                raise
            print(f"  not known everywhere yet; asking again in {wait_s} s", flush=True)
            time.sleep(wait_s)
    raise AssertionError  # the last turn returns or raises
