"""What a run says before it does anything: what there is to do, how long that takes and what it costs."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from backfill.cron import read_cron
from backfill.estimate import ATTEMPT_S, estimate_here, estimate_job, sensible_count
from backfill.report import duration

if TYPE_CHECKING:
    from backfill.estimate import Dollars, Tasks, Work
    from backfill.plan import Plan
    from backfill.request import Request

CENT = 0.005  # a smaller part of a cost is not named
FEWER = 0.7  # a smaller share of the tasks that are asked for, which would do as well, is named


def describe_plan(plan: Plan, request: Request, tasks: Tasks | None) -> str:
    """Return what will be done, how long it takes and what it costs."""
    counts = plan.counts
    parts = []
    if plan.n_objects:
        parts.append(
            f"To analyse: {plan.n_objects:,} objects, {counts.bytes / 1e6:,.1f} MB;"
            f" about {sum(plan.work.vcpu_seconds) / 3600:.2f} vCPU-hours"
        )
    if plan.n_objects or plan.n_documents:
        parts.append(_describe_job(plan.work, tasks) if tasks else _describe_here(plan.work, request.n_processes))
    if request.schedule:
        parts.append(f"By the schedule {request.schedule!r} from now on, not at once")
        if tasks:
            parts.append(_describe_idle_run(plan.work.idle(), tasks, read_cron(request.schedule).runs_a_month))
    if plan.n_documents:
        parts.append(f"To remove: {plan.n_documents:,} documents of objects that are gone")
    if counts.stale and not request.stale:
        parts.append(f"--stale would analyse {counts.stale:,} again")
    if counts.gone and not request.prune:
        parts.append(f"--prune would remove {counts.gone:,} documents")
    return "\n".join(parts or ["Nothing to do: every object has its document, and every document its object."])


def _describe_here(work: Work, n_processes: int) -> str:
    estimate = estimate_here(work, n_processes)
    return (
        f"Here, by {n_processes} processes: about {duration(estimate.seconds)}, or what the downloads take; about"
        f" {_describe_dollars(estimate.dollars)}; the downloads cost less within the bucket's region"
    )


def _describe_job(work: Work, tasks: Tasks) -> str:
    estimate, sensible = estimate_job(work, tasks), sensible_count(work, tasks)
    parallelism = min(tasks.count, tasks.parallelism)
    text = (
        f"By {tasks.count} tasks, {parallelism} at once: about {duration(estimate.seconds)} and"
        f" {_describe_dollars(estimate.dollars)}, if none is tried again"
    )
    if estimate.longest_task_s > ATTEMPT_S:
        return f"{text}\nA task would take more than the {duration(ATTEMPT_S)} of an attempt: use more --tasks"
    if sensible <= FEWER * tasks.count:
        return f"{text}\nMore than {sensible} tasks help little or nothing: each starts, and lists the whole bucket"
    return text


def _describe_idle_run(work: Work, tasks: Tasks, runs_a_month: float) -> str:
    estimate = estimate_job(work, tasks)
    return (
        f"A run that finds nothing to do: about {duration(estimate.seconds)} and {_describe_dollars(estimate.dollars)};"
        f" {runs_a_month:.0f} a month are ${runs_a_month * estimate.dollars.total:.2f}"
    )


def _describe_dollars(dollars: Dollars) -> str:
    parts = [f"{each.name} {amount:.2f}" for each in fields(dollars) if (amount := getattr(dollars, each.name)) >= CENT]
    return f"${dollars.total:.2f}" + f" ({', '.join(parts)})" * bool(parts)
