"""The whole stack: its programs and the trigger between them, which start and end together."""

import queue
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.command_line import Options
from local.ports import choose_port
from local.program import Program
from local.reaper import reaping
from local.servers import client_variables, ensure_bucket, start_firestore, start_function, start_page, start_storage
from local.shutdown import ignore_signals
from local.trigger import Answer, Trigger

BUCKET = "sounds"


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack.

    Attributes:
        directory: its temp dir.
        firestore: the database's emulator.
        storage: the server of the bucket.
        function: the function, which the trigger calls for each new object.
        forgetting: the function that the trigger calls for each deleted object, where that was asked for.
        page: the page of the sounds; only a stack that stays up has one.
        trigger: receives the events and calls the function.
        answers: the results of these calls.
    """

    directory: Path
    firestore: Program
    storage: Program
    function: Program
    forgetting: Program | None
    page: Program | None
    trigger: Trigger
    answers: "queue.SimpleQueue[Answer]"

    @property
    def programs(self) -> tuple[Program, ...]:
        """All programs, in the order in which they are started."""
        programs = self.firestore, self.storage, self.function, self.forgetting, self.page
        return tuple(program for program in programs if program)

    def wait(self) -> None:
        """Wait until all programs answer; raise ProgramError if one does not."""
        for program in reversed(
            self.programs
        ):  # Firestore last: it takes longest, and the failure of another is to be seen at once
            program.wait()

    def check(self) -> None:
        """Raise ProgramError if a program has ended."""
        for program in self.programs:
            program.check()

    def ask_to_end(self) -> None:
        """Send SIGTERM to all programs, so that they end side by side."""
        for program in self.programs:
            program.ask_to_end()

    def variables(self) -> dict[str, str]:
        """Return the variables with which any client uses the stack instead of the cloud."""
        return client_variables(self.storage, self.firestore) | {"BOTO_CONFIG": str(self.directory / "boto")}


@contextmanager
def running(options: Options) -> Iterator[Stack]:
    """Start the stack, and leave nothing of it at the end: no process, no port, no temp dir."""
    directory = Path(tempfile.gettempdir()).resolve() / f"local-sounds-{secrets.token_hex(4)}"
    with reaping(directory), ExitStack() as ends:
        directory.mkdir(mode=0o700)
        try:
            stack = _start(options, directory, ends)
            stack.wait()
            ensure_bucket(stack.storage, BUCKET)
            yield stack
        finally:
            ignore_signals()  # a second Ctrl-C would only interrupt the way out


def _start(options: Options, directory: Path, ends: ExitStack) -> Stack:
    """Start all side by side; at the end the programs end before the trigger, because that waits for its calls."""
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    function_port, forget_port = choose_port(options.function_port), choose_port() if options.forget else None
    times = 2 if options.twice else 1
    trigger = ends.enter_context(
        Trigger(function_port, options.shape, answers.put, forget_port=forget_port, times=times)
    )
    firestore = ends.enter_context(start_firestore(directory, options.firestore_port))
    storage = ends.enter_context(
        start_storage(
            directory,
            http_port=options.storage_port,
            https_port=options.storage_https_port,
            keep=options.keep,
            publisher_port=trigger.port,
            deletions=options.forget,
        )
    )
    variables = client_variables(storage, firestore)
    environment = variables | ({"FORGET": "true"} if options.forget else {})
    generation = options.generation
    function = ends.enter_context(
        start_function(directory, generation=generation, environment=environment, port=function_port)
    )
    forgetting, page = None, None
    if forget_port:
        forgetting = ends.enter_context(
            start_function(
                directory, generation=generation, environment=environment, port=forget_port, entry_point="forget"
            )
        )
    if not options.files:
        page = ends.enter_context(start_page(directory, BUCKET, variables, port=options.page_port))
    stack = Stack(directory, firestore, storage, function, forgetting, page, trigger, answers)
    ends.callback(stack.ask_to_end)
    return stack
