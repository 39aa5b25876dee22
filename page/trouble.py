"""What went wrong, in words that say what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.exceptions import DataCorruption
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import Timeout

from analysis.errors import AnalysisError, Skipped
from page.listing import BadMarkError, UnknownSoundError
from page.playing import ElsewhereError

if TYPE_CHECKING:
    from page.scope import Scope


@dataclass(frozen=True, slots=True)
class Trouble:
    """What to tell.

    Attributes:
        status: of HTTP.
        title: what is the matter.
        advice: what to do.
        command: what to paste for it, if anything.
    """

    status: int
    title: str
    advice: str
    command: str = ""


NO_SUCH_PAGE = Trouble(404, "There is nothing at this address", "The lists lead to everything that there is.")
NO_SUCH_SOUND = Trouble(
    404,
    "There is no such sound",
    "It may have been analysed anew after its file was uploaded again: look for its name in the list.",
)
EXPECTED = (
    *(api.GoogleAPICallError, api.RetryError, GoogleAuthError, RequestsConnectionError, Timeout, TimeoutError),
    *(DataCorruption, AnalysisError, Skipped, BadMarkError, ElsewhereError, UnknownSoundError),
)


def rejected(rejection: dict[str, Any]) -> Trouble:
    """Return what to tell of an upload that became no sound."""
    return Trouble(404, f"This upload was rejected: {rejection.get('reason')}", f"{rejection.get('message')}.")


def unforeseen(error: Exception) -> Trouble:
    """Return what to tell of an error that is none of EXPECTED."""
    return Trouble(
        500,
        "The page met something unforeseen",
        f"The window that it was started in tells more. ({type(error).__name__})",
    )


def describe(error: Exception, scope: Scope) -> Trouble:  # noqa: C901, PLR0911  a table
    """Return what to tell of an error of EXPECTED."""
    match error:
        case UnknownSoundError():
            return NO_SUCH_SOUND
        case BadMarkError():
            return Trouble(400, "This is no page of the list", "Begin at its beginning.")
        case ElsewhereError():
            return Trouble(
                403,
                f"The file is in another bucket than {scope.bucket_name}",
                "A document can name any bucket, so only the one that the page was started for is read. "
                f"To hear this sound, start another page with --bucket {error}.",
            )
        case Skipped() | api.NotFound() if "database" not in str(error).lower():
            return Trouble(
                410,
                "The file is no longer in the bucket",
                "It was deleted or overwritten after it had been analysed; what was found in it is still here.",
            )
        case AnalysisError():
            return Trouble(422, "The file cannot be read", f"{error}.")
        case DataCorruption():
            return Trouble(502, "The file arrived damaged", "Ask again.")
        case api.NotFound():
            return Trouble(
                503,
                f"There is no database {scope.settings.firestore_database} in project {scope.project}",
                "deploy.sh makes it; FIRESTORE_DATABASE names another one.",
                f"./deploy.sh --project {scope.project} --bucket {scope.bucket_name}",
            )
        case api.FailedPrecondition() if "index" in str(error).lower():
            return Trouble(
                503,
                "The index that finds neighbours is not there yet",
                "deploy.sh makes it, and Firestore takes some minutes to build it. Everything else works without it.",
                f"./deploy.sh --project {scope.project} --bucket {scope.bucket_name}",
            )
        case api.Forbidden():
            return Trouble(
                503,
                "You may not read this",
                f"The page asks with your own rights: it needs roles/datastore.viewer on project {scope.project} and "
                f"roles/storage.objectViewer on bucket {scope.bucket_name}.",
                "gcloud auth application-default login",
            )
        case GoogleAuthError() | api.Unauthenticated() | api.Unauthorized():
            return Trouble(
                503,
                "You are not signed in",
                "The page asks with your own credentials, and there are none that work.",
                "gcloud auth application-default login",
            )
    return Trouble(
        503,
        "The cloud does not answer",
        f"Is this machine connected? ({type(error).__name__}) Nothing is lost: ask again.",
    )
