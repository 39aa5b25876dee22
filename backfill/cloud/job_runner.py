"""The work as a Cloud Run job: each step creates or updates a resource if it differs from what is desired."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backfill.cloud.execution import add_up, execute, log_filter, read_summaries, wait
from backfill.cloud.image import ensure_image, ensure_repository
from backfill.cloud.job import Job, desired_job, ensure_job, find_job
from backfill.cloud.schedule import TIME_ZONE, desired_schedule, ensure_schedule, list_locations
from deploy.apis import ensure_apis
from deploy.location import locate_schedule
from deploy.policy import policy_of_job, right_of_account
from deploy.rights import ensure_account, ensure_only_invoker, ensure_right
from deploy.scheduled_job import image_of
from deploy.step import step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backfill.estimate import Tasks
    from backfill.plan import Plan
    from backfill.request import Request
    from deploy.deployment import Deployment
    from deploy.function import Function
    from deploy.gcloud import Gcloud

APIS = ("artifactregistry", "cloudbuild", "iam", "logging", "run")
# The log lines of a task that say why something failed: its own, and one for each object; not those of its progress.
REASONS = '(severity>=ERROR OR textPayload:"backfill.sh:")'
VIEW_JOB = "roles/run.viewer"
SUCCEEDED, FAILED, STOPPED = 0, 1, 130


@dataclass(frozen=True)
class JobRunner:
    """Deploys the job, and executes it or puts it on a schedule.

    Attributes:
        gcloud: for the project.
        request: what the person asked for.
        deployment: names of the resources.
        function: the deployed function, whose account and limits the job has.
        variables: the settings, which the job has too.
        tasks: of the job.

    """

    gcloud: Gcloud
    request: Request
    deployment: Deployment
    function: Function
    variables: Mapping[str, str]
    tasks: Tasks

    def run(self, plan: Plan) -> int:
        """Deploy the job and execute or schedule it; set the counts of the plan, and return the exit code.

        Raises FailedError at the first step that cannot be done.
        """
        with redirect_stdout(sys.stderr if self.request.json else sys.stdout):
            if self.request.schedule:
                self._schedule(self._deploy_job(self.deployment.scheduled_job), self.request.schedule)
                return SUCCEEDED
            job = self._deploy_job(self.deployment.backfill_job)
            with step(self.gcloud, "execute the job", "roles/run.developer"):
                name = execute(self.gcloud, job)
            return SUCCEEDED if self.gcloud.dry_run else self._wait(name, job, plan)

    def _deploy_job(self, name: str) -> Job:
        gcloud, deployment, function = self.gcloud, self.deployment, self.function
        image = image_of(deployment, function)
        job = desired_job(name, image, function, self.request, self.tasks, self.variables)
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
            ensure_job(gcloud, job, find_job(gcloud, name, function.region))
        return job

    def _schedule(self, job: Job, cron: str) -> None:
        gcloud, project, account = self.gcloud, self.deployment.project, self.deployment.schedule_account
        with step(gcloud, "make the account of the schedule", "roles/iam.serviceAccountAdmin"):
            ensure_account(gcloud, account, f"runs the job {job.name}")
        with step(gcloud, "let it, and nobody else, run the job", "roles/run.admin"):
            ensure_only_invoker(gcloud, policy_of_job(job.name, job.region), account)
        with step(gcloud, "let its tasks see whether an earlier execution runs", "roles/run.admin"):
            ensure_right(gcloud, policy_of_job(job.name, job.region), right_of_account(job.account, VIEW_JOB))
        with step(gcloud, "make the schedule", "roles/cloudscheduler.admin", "roles/iam.serviceAccountUser"):
            location = locate_schedule(list_locations(gcloud), job.region)
            ensure_schedule(gcloud, desired_schedule(project, job.name, job.region, location, cron, account))
        gcloud.say(
            f"it runs next by the schedule {cron!r} ({TIME_ZONE}); to run it now:"
            f" gcloud run jobs execute {job.name} --region={job.region} --project={project}"
        )

    def _wait(self, name: str, job: Job, plan: Plan) -> int:
        """Wait for the end of an execution, and set the counts of the plan to the sum of its tasks' counts."""
        gcloud = self.gcloud
        try:
            with step(gcloud, f"wait for {name}; Ctrl-C ends the waiting alone", "roles/run.viewer"):
                execution = wait(gcloud, name, job)
            with step(gcloud, "add up what the tasks counted", "roles/logging.viewer"):
                summaries = read_summaries(gcloud, execution, job)
        except KeyboardInterrupt:
            print(file=sys.stderr)  # so that the next line begins below the ^C
            _print_error(f"{name} goes on without this machine; --dry-run tells later what is still to be done")
            sys.exit(STOPPED)
        gone_before = plan.counts.gone
        plan.counts = add_up(list(summaries.values()))
        if job.n_tasks > 1 and not self.request.prune:
            plan.counts.gone = gone_before  # no task has looked for documents without an object
        if missing := sorted(set(range(job.n_tasks)) - set(summaries)):
            _print_error(
                f"the log has no summary of {len(missing)} of {job.n_tasks} tasks, so the counts lack theirs; --dry-run"
                f" tells what is still to be done. These tasks: {', '.join(map(str, missing))}"
            )
        if execution.failed or plan.counts.failed:
            _print_error(
                f"{execution.failed} tasks and {plan.counts.failed} objects failed; why:\n"
                f"  gcloud logging read '{log_filter(execution)} AND {REASONS}' --project={gcloud.project}\n"
                "Run the same command again to try them again."
            )
            return FAILED
        return SUCCEEDED


def _print_error(text: str) -> None:
    print(f"backfill.sh: {text}", file=sys.stderr)
