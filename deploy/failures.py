"""The exceptions of deploy.sh: each ends it before it is done."""


class RefusedError(Exception):
    """Google did not do what a gcloud command asked for, or did not answer in time.

    Attributes:
        command: the command and its arguments.
        answer: what gcloud said.

    """

    def __init__(self, command: list[str], answer: str) -> None:
        super().__init__(answer)
        self.command = command
        self.answer = answer


class ConflictError(Exception):
    """What is asked for cannot be had beside what is already there; the message says why and names the way out."""


class FailedError(Exception):
    """A step failed; the message tells the person who ran deploy.sh which one, why, and what to do."""
