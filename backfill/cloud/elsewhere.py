"""The job is made and executed, or put on a schedule; each step reads, and changes only what is not as it should be."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backfill.cloud import schedule as schedules
from backfill.cloud.building import ensure_image, ensure_repository, image_of
from backfill.cloud.execution import added_up, execute, log_filter, summaries, wait
from backfill.cloud.job import Job, ensure_job, find_job, wanted
from deploy.apis import ensure_apis
from deploy.policy import policy_of_job
from deploy.rights import ensure_account, ensure_only_invoker
from deploy.step import step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backfill.planning import Plan
    from backfill.request import Request
    from deploy.deployment import Deployment
    from deploy.function import Function
    from deploy.gcloud import Gcloud

APIS = ("artifactregistry", "cloudbuild", "iam", "logging", "run")
# What a task says of itself and of each object that failed, but not how far it was.
REASONS = '(severity>=ERROR OR textPayload:"backfill.sh:")'
SUCCEEDED, FAILED, STOPPED = 0, 1, 130


@dataclass(frozen=True)
class Elsewhere:
    """The cloud as a place where the plan is carried out.

    Attributes:
        gcloud: for the project.
        request: what the person asked for.
        deployment: the names of things.
        function: whose account and limits the job has.
        variables: the settings, which the job gets.

    """

    gcloud: Gcloud
    request: Request
    deployment: Deployment
    function: Function
    variables: Mapping[str, str]

    def carry_out(self, plan: Plan) -> int:
        """Make the job, then execute it or put it on its schedule; return the exit code, and leave the plan its counts.

        Raises FailedError at the first step that cannot be done.
        """
        with redirect_stdout(sys.stderr if self.request.json else sys.stdout):
            if self.request.schedule:
                self._put_on_schedule(self._make_job(self.deployment.scheduled_job), self.request.schedule)
                return SUCCEEDED
            job = self._make_job(self.deployment.backfill_job)
            with step(self.gcloud, "execute the job", "roles/run.developer"):
                name = execute(self.gcloud, job)
            return SUCCEEDED if self.gcloud.dry_run else self._see_through(name, job, plan)

    def _make_job(self, name: str) -> Job:
        gcloud, deployment, function = self.gcloud, self.deployment, self.function
        image = image_of(deployment, function)
        goal = wanted(name, image, function, self.request, self.request.n_tasks or 1, self.variables)
        with step(gcloud, "enable the APIs", "roles/serviceusage.serviceUsageAdmin"):
            ensure_apis(gcloud, (*APIS, "cloudscheduler") if self.request.schedule else APIS)
        with step(gcloud, "make the repository of its image", "roles/artifactregistry.admin"):
            ensure_repository(gcloud, deployment, function.region)
        with step(
            *(gcloud, "build its image", "roles/cloudbuild.builds.editor", "roles/storage.admin"),
            "roles/iam.serviceAccountUser",
        ):
            ensure_image(gcloud, deployment, function)
        with step(gcloud, "make the job", "roles/run.developer", "roles/iam.serviceAccountUser"):
            ensure_job(gcloud, goal, find_job(gcloud, name, function.region))
        return goal

    def _put_on_schedule(self, job: Job, cron: str) -> None:
        gcloud, project, account = self.gcloud, self.deployment.project, self.deployment.schedule_account
        with step(gcloud, "make the account of the schedule", "roles/iam.serviceAccountAdmin"):
            ensure_account(gcloud, account, f"runs the job {job.name}")
        with step(gcloud, "let it, and nobody else, run the job", "roles/run.admin"):
            ensure_only_invoker(gcloud, policy_of_job(job.name, job.region), account)
        with step(gcloud, "make the schedule", "roles/cloudscheduler.admin", "roles/iam.serviceAccountUser"):
            schedules.ensure_schedule(gcloud, schedules.wanted(project, job.name, job.region, cron, account))
        gcloud.say(
            f"it runs next by the schedule {cron!r} ({schedules.TIME_ZONE}); to run it now:"
            f" gcloud run jobs execute {job.name} --region={job.region} --project={project}"
        )

    def _see_through(self, name: str, job: Job, plan: Plan) -> int:
        """Wait for the end of an execution, and give the plan the counts of its tasks."""
        gcloud = self.gcloud
        try:
            with step(gcloud, f"wait for {name}; Ctrl-C ends the waiting alone", "roles/run.viewer"):
                execution = wait(gcloud, name, job)
            with step(gcloud, "add up what the tasks counted", "roles/logging.viewer"):
                found = summaries(gcloud, execution, job)
        except KeyboardInterrupt:
            print(file=sys.stderr)  # below the ^C
            _say(f"{name} goes on without this machine; --dry-run tells later what is left to do")
            sys.exit(STOPPED)
        n_gone = plan.counts.gone
        plan.counts = added_up(list(found.values()))
        if job.n_tasks > 1 and not self.request.prune:
            plan.counts.gone = n_gone  # then no task looked for it
        if missing := sorted(set(range(job.n_tasks)) - set(found)):
            _say(
                f"the log has no summary of {len(missing)} of {job.n_tasks} tasks, so the counts lack theirs; --dry-run"
                f" tells what is left to do. These tasks: {', '.join(map(str, missing))}"
            )
        if execution.failed or plan.counts.failed:
            _say(
                f"{execution.failed} tasks and {plan.counts.failed} objects failed; why:\n"
                f"  gcloud logging read '{log_filter(execution)} AND {REASONS}' --project={gcloud.project}\n"
                "Run the same command again to try them again."
            )
            return FAILED
        return SUCCEEDED


def _say(text: str) -> None:
    print(f"backfill.sh: {text}", file=sys.stderr)
