"""Comparisons in every state, and the plan of a run with some of them."""

from analysis.upload import Upload
from backfill.comparison import Comparison, State
from backfill.plan import Plan
from backfill.request import parse
from backfill.stored_document import StoredDocument


def comparison(state: State, name: str = "a.wav", size: int = 1_000_000, reason: str | None = None) -> Comparison:
    """Return what the comparison says."""
    document = (
        None
        if state in (State.MISSING, State.SKIPPED, State.PENDING)
        else StoredDocument("c", "uid", name, 1, state is State.STALE, reason)
    )
    return Comparison(state, None if state is State.GONE else Upload("bucket", name, 1, size), document)


def plan(*comparisons: Comparison, options: tuple[str, ...] = ()) -> Plan:
    """Return the plan of a run with these options."""
    return Plan(comparisons, parse(["--project", "p", "--bucket", "b", *options]))


ALL = [comparison(state, reason="corrupt" if state is State.REJECTED else None) for state in State]
