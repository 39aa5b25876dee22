"""What a person is told of an error: what is the matter, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import Timeout

from analysis import login
from analysis.errors import AnalysisError, Skipped
from page.catalog.catalog import UnfinishedError, UnknownSoundError
from page.catalog.selection import BadParameterError
from page.media.audio import OtherBucketError

if TYPE_CHECKING:
    from page.config import Config


@dataclass(frozen=True, slots=True)
class Problem:
    """What a person is told of an error.

    Attributes:
        status: the HTTP status.
        title: what is the matter.
        advice: what to do about it.
        command: a command that does it; empty where there is none.
    """

    status: int
    title: str
    advice: str
    command: str = ""


class TooMuchError(Exception):
    """More is asked for at once than one answer may hold; the message says how much that is."""


NO_SUCH_PAGE = Problem(404, "There is nothing at this address", "The lists lead to everything that there is.")
NO_SUCH_SOUND = Problem(
    404,
    "There is no such sound",
    "It may have been analysed anew after its file was uploaded again: look for its name in the list.",
)
EXPECTED_ERRORS = (
    *(api.GoogleAPICallError, api.RetryError, GoogleAuthError, RequestsConnectionError, Timeout, TimeoutError),
    *(DataCorruption, AnalysisError, Skipped, BadParameterError, OtherBucketError, UnknownSoundError),
    *(UnfinishedError, TooMuchError),
)


def describe_rejection(rejection: dict[str, Any]) -> Problem:
    """Return the problem of an upload that became a rejection instead of a sound."""
    return Problem(404, f"This upload was rejected: {rejection.get('reason')}", f"{rejection.get('message')}.")


def describe_unexpected(error: Exception) -> Problem:
    """Return the problem of an error that is none of EXPECTED_ERRORS."""
    return Problem(
        500,
        "The page met an unexpected error",
        f"The window that it was started in tells more. ({type(error).__name__})",
    )


def describe_any(error: Exception, config: Config) -> Problem:
    """Return the problem of any error."""
    return describe(error, config) if isinstance(error, EXPECTED_ERRORS) else describe_unexpected(error)


def describe(error: Exception, config: Config) -> Problem:  # noqa: C901, PLR0911, PLR0912  a table
    """Return the problem of one of EXPECTED_ERRORS."""
    match error:
        case UnknownSoundError():
            return NO_SUCH_SOUND
        case BadParameterError():
            return Problem(400, "This address asks for nothing that there is", f"Accepted is: {error}.")
        case TooMuchError():
            return Problem(413, str(error), "Select fewer, or copy the gcloud command for all that are found.")
        case UnfinishedError():
            return Problem(503, "The collection is still being read", f"{error} Ask again when all of it is there.")
        case OtherBucketError():
            return Problem(
                403,
                f"The file is in another bucket than {config.bucket_name}",
                "A document can name any bucket, so only the one that the page was started for is read. "
                f"To hear this sound, start another page with --bucket {error}.",
            )
        case api.NotFound() if error.message.startswith("The database"):
            return Problem(
                503,
                f"There is no database {config.settings.firestore_database} in project {config.project}",
                "deploy.sh makes it; FIRESTORE_DATABASE names another one.",
                f"./deploy.sh --project {config.project} --bucket {config.bucket_name}",
            )
        case Skipped() | api.NotFound():
            return Problem(
                410,
                "The file is no longer in the bucket",
                "It was deleted or overwritten after it had been analysed; what was found in it is still here.",
            )
        case AnalysisError():
            return Problem(422, "The file cannot be read", f"{error}.")
        case DataCorruption():
            return Problem(502, "The file arrived damaged", "Ask again.")
        case api.FailedPrecondition() if "index" in str(error).lower():
            return Problem(
                503,
                "The index that finds neighbours is not there yet",
                "deploy.sh makes it, and Firestore takes some minutes to build it. Everything else works without it.",
                f"./deploy.sh --project {config.project} --bucket {config.bucket_name}",
            )
        case api.Forbidden() if any(
            text in str(error) for text in ("USER_PROJECT_DENIED", "serviceusage.services.use")
        ):
            return Problem(
                503,
                "Your requests count for a project that you may not use",
                f"They count for {config.project}, unless {login.QUOTA_PROJECT} names another: either needs the right "
                "serviceusage.services.use there (roles/serviceusage.serviceUsageConsumer).",
                f"gcloud auth application-default set-quota-project {config.project}",
            )
        case api.Forbidden():
            return Problem(
                503,
                "You may not read this",
                f"The page asks with your own rights: it needs roles/datastore.viewer on project {config.project} and "
                f"roles/storage.objectViewer on bucket {config.bucket_name}.",
                "gcloud auth application-default login",
            )
        case TransportError():
            pass  # no way to Google, which says nothing about the login
        case GoogleAuthError() | api.Unauthenticated() | api.Unauthorized() | api.ServiceUnavailable() if (
            not isinstance(error, api.ServiceUnavailable) or login.has_ended(error)
        ):
            return Problem(
                503,
                "You are not signed in",
                "The page asks with your own credentials, and there are none that work.",
                "gcloud auth application-default login",
            )
    return Problem(
        503,
        "The cloud does not answer",
        f"Is this machine connected? ({type(error).__name__}) Nothing is lost: ask again.",
    )
