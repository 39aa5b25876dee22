"""The addresses of the page, and what answers each."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from analysis.definition import N_MFCC
from page.documents import queries
from page.media.audio import RangeNotSatisfiableError, open_content
from page.similarity import neighbours
from page.similarity.map import read_map
from page.web import file_upload, problems, svg
from page.web.events import Events
from page.web.rendering import Templates, as_json
from page.web.security import SecurityMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from page.config import Config

N_NEIGHBOURS = 10
SAMPLE_SOUNDS = 300  # enough for percentiles
WAVEFORM_COLUMNS = 800
CACHE_CONTROL = "private, max-age=86400, immutable"  # of what is made of one generation, which never changes
NUMBER = re.compile(r"[0-9]{1,9}")
FRAGMENTS = ("/neighbours", "/means")  # addresses whose HTML is a part of a page


def make_app(config: Config) -> SecurityMiddleware:
    """Return the page as an ASGI application; the middleware is outermost, so that it has every error's answer too."""
    endpoints = _Endpoints(config)
    routes = [
        Route("/", endpoints.sounds),
        Route("/rejections", endpoints.rejections),
        Route("/sounds/{uid}", endpoints.sound),
        Route("/sounds/{uid}/audio", endpoints.audio),
        Route("/sounds/{uid}/spectrogram.png", endpoints.spectrogram),
        Route("/sounds/{uid}/means", endpoints.means),
        Route("/sounds/{uid}/neighbours", endpoints.neighbours),
        Route("/sounds/{uid}/neighbours.json", endpoints.neighbours_json),
        Route("/map", endpoints.map),
        Route("/map.json", endpoints.map_json),
        Route("/export.{extension:str}", endpoints.export),
        Route("/events", endpoints.events),
        *([Route("/uploads", endpoints.upload, methods=["POST"])] if config.uploads else []),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(problems.EXPECTED_ERRORS, endpoints.expected_error)
    handlers |= {HTTPException: endpoints.http_error, Exception: endpoints.unexpected_error}
    return SecurityMiddleware(Starlette(routes=routes, exception_handlers=handlers), config)


class _Endpoints:
    """A method for each address; Starlette runs those that are not async in threads, as Google's clients block."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._templates = Templates(config)
        self._events = Events(config, self._templates.render_row)

    def sounds(self, request: Request) -> Response:
        return self._list(request, queries.sounds_of(self._config))

    def rejections(self, request: Request) -> Response:
        return self._list(request, queries.rejections_of(self._config))

    def _list(self, request: Request, collection: queries.Collection) -> Response:
        q, cursor = request.query_params.get("q", "").strip(), request.query_params.get("after", "")
        since = datetime.now(UTC)
        if q:
            prefix, results = self._search(collection, q, cursor)
        else:
            prefix, results = "", queries.list_newest(self._config, collection, cursor)
        values = {"results": results, "q": q, "prefix": prefix, "is_first": not cursor, "since": since.isoformat()}
        return HTMLResponse(self._templates.render(f"{collection.kind}.html", kind=collection.kind, **values))

    def _search(self, collection: queries.Collection, q: str, cursor: str) -> tuple[str, queries.Results]:
        """Return the first spelling that finds something, and what it finds; a cursor is of the spelling as it is."""
        for prefix in [q] if cursor else _spellings(q):
            results = queries.list_by_prefix(self._config, collection, prefix, cursor)
            if results.documents:
                return prefix, results
        return q, queries.Results([], None)

    def sound(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        try:
            sound = queries.read_sound(self._config, uid)
        except queries.UnknownSoundError:
            if rejection := queries.read_rejection(self._config, uid):
                return self._show_problem(request, problems.describe_rejection(rejection))
            raise
        waveform = svg.draw_waveform(sound.get("peaks"), WAVEFORM_COLUMNS)
        values = {"sound": sound, "waveform": waveform, "document": as_json(sound, indent=2)}
        return HTMLResponse(self._templates.render("sound.html", **values))

    def audio(self, request: Request) -> Response:
        sound = queries.read_sound(self._config, request.path_params["uid"])
        try:
            content = open_content(self._config, sound, request.headers.get("range"))
        except RangeNotSatisfiableError as size:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        status, headers = 200, {"cache-control": CACHE_CONTROL, "etag": f'"{content.generation}"'}
        if content.size is not None:
            headers |= {"accept-ranges": "bytes", "content-length": str(len(content.part or range(content.size)))}
        if content.part:
            status = 206
            headers["content-range"] = f"bytes {content.part[0]}-{content.part[-1]}/{content.size}"
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers | {"content-type": content.media_type})
        return StreamingResponse(_begin(content.pieces), status, headers, content.media_type)

    def spectrogram(self, request: Request) -> Response:
        from page.media.spectrogram import draw_spectrogram  # noqa: PLC0415  librosa takes a second to import

        png = draw_spectrogram(self._config, queries.read_sound(self._config, request.path_params["uid"]))
        return Response(png, media_type="image/png", headers={"cache-control": CACHE_CONTROL})

    def means(self, request: Request) -> Response:
        sound = queries.read_sound(self._config, request.path_params["uid"])
        sample = queries.read_sample(self._config, SAMPLE_SOUNDS)
        bars = svg.draw_bars(sound.get("mean_mfccs"), sample)
        values = {"bars": bars, "n_mfcc": N_MFCC, "n_sample": len(sample), "max_sample": SAMPLE_SOUNDS}
        return HTMLResponse(self._templates.render("mean_mfccs.html", **values))

    def neighbours(self, request: Request) -> Response:
        sound, found = self._find_neighbours(request)
        return HTMLResponse(self._templates.render("neighbours.html", sound=sound, neighbours=found))

    def neighbours_json(self, request: Request) -> Response:
        _, found = self._find_neighbours(request)
        without_peaks = [{name: value for name, value in one.items() if name != "peaks"} for one in found]
        return Response(as_json(without_peaks), media_type="application/json")

    def _find_neighbours(self, request: Request) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        sound = queries.read_sound(self._config, request.path_params["uid"])
        n = _parse_n(request.query_params.get("n", ""))
        found = neighbours.find_neighbours(self._config, sound, n)
        return sound, [
            neighbour | {"similarity": neighbours.label_distance(neighbour["distance"])} for neighbour in found
        ]

    async def map(self, _: Request) -> Response:
        return HTMLResponse(self._templates.render("map.html"))

    def map_json(self, _: Request) -> Response:
        return Response(as_json(read_map(self._config)), media_type="application/json")

    def export(self, request: Request) -> Response:
        from page.documents import export  # noqa: PLC0415  pyarrow takes half a second to import

        extension = request.path_params["extension"]
        if extension not in export.FORMATS:
            raise HTTPException(404)
        headers = {"content-disposition": f'attachment; filename="sounds.{extension}"'}
        pieces = _begin(export.export(self._config, extension))
        if request.method == "HEAD":
            pieces = islice(pieces, 1)  # so that the rest is not read, and not billed
        return StreamingResponse(pieces, headers=headers, media_type=export.FORMATS[extension])

    async def events(self, request: Request) -> Response:
        text = request.headers.get("last-event-id") or request.query_params.get("since", "")
        try:
            since = datetime.fromisoformat(text)
        except ValueError:
            raise HTTPException(400) from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        return StreamingResponse(self._events.subscribe(since), media_type="text/event-stream")

    async def upload(self, request: Request) -> Response:
        try:
            uid = await file_upload.upload(self._config, request)
        except file_upload.RefusedUploadError as error:
            return JSONResponse({"title": str(error)}, error.status)
        return JSONResponse({"uid": uid}, 201)

    def expected_error(self, request: Request, error: Exception) -> Response:
        return self._show_problem(request, problems.describe(error, self._config))

    def unexpected_error(self, request: Request, error: Exception) -> Response:
        return self._show_problem(request, problems.describe_unexpected(error))

    def http_error(self, request: Request, error: HTTPException) -> Response:
        problem = problems.Problem(error.status_code, error.detail, "")
        answer = self._show_problem(request, problems.NO_SUCH_PAGE if error.status_code == 404 else problem)  # noqa: PLR2004
        answer.headers.update(error.headers or {})
        return answer

    def _show_problem(self, request: Request, problem: problems.Problem) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            told = {"title": problem.title, "advice": problem.advice, "command": problem.command}
            return JSONResponse(told, problem.status)
        template = "error_fragment.html" if request.url.path.endswith(FRAGMENTS) else "error.html"
        return HTMLResponse(self._templates.render(template, problem=problem), problem.status)


def _begin(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces, the first of them read, so that its error can still be answered with a status."""
    return chain((next(pieces, b""),), pieces)


def _parse_n(text: str) -> int:
    """Return a number of neighbours within bounds; raises HTTPException for what is no number of a few digits."""
    if not text:
        return N_NEIGHBOURS
    if not NUMBER.fullmatch(text):
        raise HTTPException(400, f"n is a whole number from 1 to {neighbours.MAX_NEIGHBOURS}")
    return min(max(int(text), 1), neighbours.MAX_NEIGHBOURS)


def _spellings(q: str) -> list[str]:
    """Return how a name that somebody types may be spelt: as typed, lower case, Capitalised, UPPER CASE."""
    return list(dict.fromkeys((q, q.lower(), q.capitalize(), q.upper())))
