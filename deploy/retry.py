"""Which of Google's refusals pass by themselves, how long that takes, and which grant helps where one stays.

Accounts, rights and APIs that are new take minutes to be known everywhere at Google.

Source: the issues in which others met these texts, such as google-github-actions/deploy-cloud-functions#461,
hashicorp/terraform-provider-google#20571 and #16329, firebase/firebase-tools#5244 and #10859.
"""

import re
from dataclasses import dataclass
from itertools import chain, repeat

# Five minutes in all, as IAM's documentation says of two minutes that they may become seven or more.
WAITS_S = (*(2, 4, 8, 16, 30), *repeat(60, 4))

# Ten minutes in all for the deployment of a function, in which one new agent's rights are needed after another's.
LONG_WAITS_S = (*WAITS_S, *repeat(60, 5))

# After so long a refusal is taken for one that stays, and the grant that helps is made.
GRANT_AFTER_S = 300

# Google's own accounts in a project are named after its number.
AGENTS = {
    "eventarc": "service-{number}@gcp-sa-eventarc.iam.gserviceaccount.com",
    "functions": "service-{number}@gcf-admin-robot.iam.gserviceaccount.com",
    "pubsub": "service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com",
    "storage": "service-{number}@gs-project-accounts.iam.gserviceaccount.com",
}


@dataclass(frozen=True)
class Passing:
    """A refusal that passes by itself.

    Attributes:
        pattern: what is found in Google's answer.
        reason: what is waited for and why.
        role: the role on the project that helps where the refusal stays; None: no grant helps.
        agent: the account that needs the role, with `{number}` for the project's; None: the answer names the account.

    """

    pattern: str
    reason: str
    role: str | None = None
    agent: str | None = None

    def matches(self, answer: str) -> bool:
        """Return whether Google's answer is this refusal."""
        return re.search(self.pattern, answer, re.IGNORECASE) is not None

    def account(self, answer: str, number: str) -> str | None:
        """Return the e-mail of the account that needs the role: Google's agent or the one that the answer names."""
        if self.role is None:
            return None
        if self.agent:
            return self.agent.format(number=number)
        named = re.search(r"[\w.-]+@[\w.-]+\.gserviceaccount\.com", answer)
        return named[0] if named else None


PASSING = (
    Passing(
        r"Validation failed for trigger.*storage\.buckets\.get|recently started to use Eventarc",
        "Google gives Eventarc's agent its rights when a project first uses it",
        "roles/eventarc.serviceAgent",
        AGENTS["eventarc"],
    ),
    Passing(
        r"Access to bucket gcf-v\d-sources-.* denied",
        "the right of the build account to read the source is new",
        "roles/storage.objectViewer",
    ),
    Passing(
        r"Unable to retrieve the repository metadata for .*gcf-artifacts",
        "Google gives Cloud Functions' agent its rights when a project first uses it",
        "roles/artifactregistry.reader",
        AGENTS["functions"],
    ),
    Passing(
        r"Service account \S+ (was not found|does not exist)",
        "the service account was made a moment ago",
    ),
    Passing(
        r"underlying data changed|too much contention|concurrent policy changes",
        "something else is changing the same thing, and one change goes after the other",
    ),
    Passing(
        r"permission to write logs to Cloud Logging",
        "the right of the build account to write logs is new",
        "roles/logging.logWriter",
    ),
    Passing(
        r"unable to publish to Cloud Pub/Sub topics",
        "the right of Cloud Storage's agent to publish events is new",
        "roles/pubsub.publisher",
        AGENTS["storage"],
    ),
    Passing(
        r"wait a few minutes for the action to propagate",
        "the API was enabled a moment ago",
    ),
    Passing(
        r"missing permission on the build service account",
        "the rights of the build account are new",
    ),
)


def passing(answer: str) -> Passing | None:
    """Return the refusal that this answer of Google's is, if it is one that passes by itself."""
    return next((one for one in PASSING if one.matches(answer)), None)


def waits_s(command: list[str]) -> chain[float]:
    """Return how many seconds to wait before each further try of a gcloud command."""
    return chain(LONG_WAITS_S if command[1:3] == ["functions", "deploy"] else WAITS_S)
