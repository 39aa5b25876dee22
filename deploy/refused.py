"""What gcloud answered instead of doing what it was told."""


class RefusedError(Exception):
    """A command was not carried out.

    Attributes:
        command: the command and its arguments.
        answer: what gcloud said.

    """

    def __init__(self, command: list[str], answer: str) -> None:
        super().__init__(answer)
        self.command = command
        self.answer = answer
