"""The addresses of sounds like a file that is not stored: a form, and the answers for people and for programs.

*Conventions.* A file is analysed in a process of its own (page/similarity/example.py), and one file at a time: while it
arrives and is analysed, another request waits, and is refused with 503 when it has waited too long. Nothing of the file
is left afterwards: it has no name on the disk.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from analysis.errors import TooLargeError, TooLongError
from page.catalog.encoding import decode
from page.catalog.selection import parse_count, parse_selection
from page.child_process import running
from page.similarity import neighbours
from page.web import problems, svg
from page.web.answers import answer
from page.web.fields import in_short
from page.web.file_upload import declared_bytes
from page.web.multipart import MultipartError, TooManyBytesError, read_file
from page.web.rendering import as_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from starlette.requests import Request

    from page.catalog.catalog import Catalog
    from page.catalog.selection import Selection
    from page.config import Config
    from page.web.rendering import Templates

MAX_BYTES = 250_000_000  # of a file; MAX_BYTES of the function's settings may be less
FORM_BYTES = 2**16  # of a form besides its file, about
ARRIVE_S, ANALYSE_S = 120, 60
WAIT_S = 30  # for the file before
RETRY_AFTER_S = 10
N_SHOWN, N_NEIGHBOURS = 20, 10
WAVEFORM_COLUMNS = 800
HOW = "Send one file in the field file of a form, as curl -F file=@sound.wav does."
TOO_MUCH = frozenset({TooLargeError.reason, TooLongError.reason})


class RefusedFileError(Exception):
    """There are no neighbours of a file.

    Attributes:
        problem: what a person is told.
        reason: why the function would reject it; empty where it was not analysed.
    """

    def __init__(self, problem: problems.Problem, reason: str = "") -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.reason = reason


class SimilarPages:
    """What answers these addresses."""

    def __init__(self, config: Config, catalog: Catalog, templates: Templates) -> None:
        self._config, self._catalog, self._templates = config, catalog, templates
        self._max_bytes = min(MAX_BYTES, config.settings.max_bytes)
        self._lock = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/similar", self.form),
            Route("/similar", self.html, methods=["POST"]),
            Route("/similar.json", self.json, methods=["POST"]),
        ]

    def form(self, request: Request) -> Response:
        """Answer with the form."""
        return answer(request, self._render(request), "text/html")

    async def html(self, request: Request) -> Response:
        """Answer with the neighbours of the file in a form."""
        try:
            sound, asked = await self._analyse(request, N_SHOWN)
        except RefusedFileError as refused:
            body = await run_in_threadpool(self._render, request, problem=refused.problem)
            return Response(body, refused.problem.status, _headers_of(refused), "text/html")
        groups, _ = await run_in_threadpool(neighbours.find_groups, self._catalog, sound, *asked, N_SHOWN)
        waveform = svg.draw_waveform(sound.get("peaks"), WAVEFORM_COLUMNS)
        values = {"sound": sound, "waveform": waveform, "groups": groups}
        return Response(await run_in_threadpool(self._render, request, **values), media_type="text/html")

    async def json(self, request: Request) -> Response:
        """Answer with the neighbours as those of a sound."""
        try:
            sound, asked = await self._analyse(request, N_NEIGHBOURS)
        except RefusedFileError as refused:
            problem = refused.problem
            told = {"title": problem.title, "advice": problem.advice, "reason": refused.reason}
            return JSONResponse(told, problem.status, _headers_of(refused))
        found = await run_in_threadpool(neighbours.find_neighbours, self._catalog, sound, *asked)
        return Response(as_json(list(map(in_short, found))), media_type="application/json")

    def _render(self, request: Request, **found: Any) -> str:
        nothing: dict[str, Any] = {"sound": None, "waveform": None, "groups": [], "problem": None}
        values = {
            "selection": parse_selection("sounds", request.query_params),
            "max_bytes": self._max_bytes,
            "progress": self._catalog.progress(),
        }
        return self._templates.render("similar.html", **nothing | values | found)

    async def _analyse(self, request: Request, n: int) -> tuple[dict[str, Any], tuple[int, Selection]]:
        """Return the document of the file, and how many neighbours of it are asked for; raises RefusedFileError."""
        selection = parse_selection("sounds", request.query_params)
        n = parse_count(request.query_params.get("n", ""), n, neighbours.MAX_NEIGHBOURS)
        async with self._alone():
            with TemporaryFile(prefix="sound-") as file:
                name = await self._receive(request, file)
                file.seek(0)
                return await while_waited_for(request, analyse_apart(file, name, ANALYSE_S)), (n, selection)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._lock.acquire()
        except TimeoutError:
            problem = problems.Problem(503, "Another file is being analysed", "One at a time: ask again in a moment.")
            raise RefusedFileError(problem) from None
        try:
            yield
        finally:
            self._lock.release()

    async def _receive(self, request: Request, file: IO[bytes]) -> str:
        """Write the file in a form to another and return its name."""
        if declared_bytes(request) > self._max_bytes + FORM_BYTES:
            raise self._too_large()
        content_type = request.headers.get("content-type", "")
        try:
            async with asyncio.timeout(ARRIVE_S):
                return await read_file(content_type, request.stream(), "file", file, self._max_bytes)
        except MultipartError as error:
            raise RefusedFileError(problems.Problem(400, "There is no file", f"{HOW} Here {error}.")) from None
        except ClientDisconnect:
            raise _left() from None
        except TooManyBytesError:
            raise self._too_large() from None
        except TimeoutError:
            advice = f"The whole of it has to be there within {ARRIVE_S} seconds."
            raise RefusedFileError(problems.Problem(408, "The file comes too slowly", advice)) from None

    def _too_large(self) -> RefusedFileError:
        advice = f"At most {self._max_bytes} bytes are analysed here: take a part of it, or upload it to the bucket."
        return RefusedFileError(problems.Problem(413, "The file is too large", advice), TooLargeError.reason)


async def while_waited_for[T](request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what work gives, and end it when nobody waits for the answer any more, which raises RefusedFileError."""

    async def leave() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = asyncio.ensure_future(work), asyncio.ensure_future(leave())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise _left()
        return tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def analyse_apart(file: IO[bytes], name: str, seconds: float) -> dict[str, Any]:
    """Return the document of a sound that another process analyses; raises RefusedFileError.

    The process is ended when that takes longer, and when nobody waits for it any more.
    """
    async with running("page.similarity.example", "The file", stdin=file) as process:
        try:
            async with asyncio.timeout(seconds):
                told, _ = await process.communicate()
        except TimeoutError:
            advice = f"After {seconds:g} seconds it was given up: take a part of it, or upload it to the bucket."
            raise RefusedFileError(problems.Problem(413, "The analysis takes too long", advice)) from None
    if process.returncode:
        advice = "Its analysis ended without an answer: it took too much memory, or met a fault of a decoder."
        raise RefusedFileError(problems.Problem(415, "The file cannot be analysed", advice))
    answered = decode(told)
    if "reason" in answered:
        status = 413 if answered["reason"] in TOO_MUCH else 415
        title = f"The function would reject this file: {answered['reason']}"
        raise RefusedFileError(problems.Problem(status, title, f"{answered['message']}."), answered["reason"])
    return answered | {"blob_name": name, "file_name": name}


def _left() -> RefusedFileError:
    return RefusedFileError(problems.Problem(400, "Nobody waits for the answer", ""))


def _headers_of(refused: RefusedFileError) -> dict[str, str]:
    return {"retry-after": str(RETRY_AFTER_S)} if refused.problem.status == 503 else {}  # noqa: PLR2004
