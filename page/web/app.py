"""The addresses of the page, and what answers each."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from analysis.definition import N_MFCC
from page.catalog import catalog as catalogs
from page.catalog.selection import parse_count, parse_selection
from page.similarity import neighbours
from page.similarity.map import Map
from page.web import file_upload, problems, svg
from page.web.answers import answer
from page.web.duplicate_groups import DuplicatesPages
from page.web.events import Events
from page.web.fields import in_short
from page.web.media import Media, begin
from page.web.moments import find_moments
from page.web.rendering import Templates, as_json
from page.web.security import SecurityMiddleware
from page.web.selected import Selected
from page.web.similar_pages import SimilarPages
from page.web.static_files import StaticFiles, UnchangingFiles, prefix

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from page.catalog.catalog import Catalog
    from page.catalog.records import Kind
    from page.catalog.selection import Selection
    from page.config import Config

PAGE_SIZE = 50
MAX_LISTED = 1000  # sounds in one answer of sounds.json
CATCH_UP_S = 60  # that who comes back waits for the comparison with the collection and the bucket
N_NEIGHBOURS = 10
SAMPLE_SOUNDS = 300  # enough for percentiles
WAVEFORM_COLUMNS = 800
FRAGMENTS = ("/neighbours", "/means")  # addresses whose HTML is a part of a page
HTML, JSON = "text/html", "application/json"


def make_app(config: Config, catalog: Catalog) -> SecurityMiddleware:
    """Return the page as an ASGI application; the middleware is outermost, so that it has every error's answer too."""
    endpoints = _Endpoints(config, catalog)
    routes = [
        Route("/", endpoints.sounds),
        Route("/sounds.json", endpoints.sounds_json),
        Route("/rejections", endpoints.rejections),
        Route("/rejections.json", endpoints.rejections_json),
        Route("/catalog.json", endpoints.catalog_json),
        Route("/sounds/{uid}", endpoints.sound),
        *Media(config, catalog).routes,
        Route("/sounds/{uid}/means", endpoints.means),
        Route("/sounds/{uid}/neighbours", endpoints.neighbours),
        Route("/sounds/{uid}/neighbours.json", endpoints.neighbours_json),
        Route("/map", endpoints.map),
        Route("/map.json", endpoints.map_json),
        *DuplicatesPages(config, catalog, endpoints.templates).routes(),
        *SimilarPages(config, catalog, endpoints.templates).routes(),
        Route("/export.{extension:str}", endpoints.export),
        *Selected(config, catalog).routes,
        Route("/events", endpoints.events),
        *([Route("/uploads", endpoints.upload, methods=["POST"])] if config.uploads else []),
        Mount(prefix(), UnchangingFiles()),
        Mount("/static", StaticFiles()),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(problems.EXPECTED_ERRORS, endpoints.expected_error)
    handlers |= {HTTPException: endpoints.http_error, Exception: endpoints.unexpected_error}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        catalog.close()

    return SecurityMiddleware(Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan), config)


class _Endpoints:
    """A method for each address; Starlette runs those that are not async in threads, as Google's clients block."""

    def __init__(self, config: Config, catalog: Catalog) -> None:
        self._config = config
        self._catalog = catalog
        self._map = Map(catalog)
        self.templates = Templates(config)
        self._events = Events(config, self.templates.render_row, catalog.put, catalog.delete, catalog.look_on)
        catalog.call_at_change(self._events.tell_change)

    def sounds(self, request: Request) -> Response:
        return self._list(request, "sounds")

    def sounds_json(self, request: Request) -> Response:
        return self._list_json(request, "sounds")

    def rejections(self, request: Request) -> Response:
        return self._list(request, "rejections")

    def rejections_json(self, request: Request) -> Response:
        return self._list_json(request, "rejections")

    def _list(self, request: Request, kind: Kind) -> Response:
        parameters = dict(request.query_params)
        given = {name: value for name, value in parameters.items() if value and (name, value) != ("sort", "newest")}
        if given != parameters:  # as a form sends what nobody has filled in
            return RedirectResponse(f"{request.url.path}?{urlencode(given)}".rstrip("?"), 303)
        selection, after, since = parse_selection(kind, parameters), parameters.get("after", ""), datetime.now(UTC)
        results = self._catalog.select(kind, selection, after, PAGE_SIZE, parameters.get("seen", ""))
        progress = self._catalog.progress()
        values = {
            "kind": kind,
            "selection": selection,
            "is_first": not after,
            "since": since.isoformat(),
            "results": results,
            "progress": progress,
            "problem": problems.describe_any(progress.problem, self._config) if progress.problem else None,
        }
        return answer(request, self.templates.render(f"{kind}.html", **values), HTML, since.isoformat())

    def _list_json(self, request: Request, kind: Kind) -> Response:
        parameters = request.query_params
        n = parse_count(parameters.get("n", ""), PAGE_SIZE, MAX_LISTED)
        results = self._catalog.select(kind, parse_selection(kind, parameters), parameters.get("after", ""), n)
        listed = {"count": results.count, kind: list(map(in_short, results.documents)), "next": results.next}
        return answer(request, as_json(listed), JSON)

    def catalog_json(self, request: Request) -> Response:
        is_waiting = request.query_params.get("wait") == "1"
        was_due = self._catalog.catch_up(CATCH_UP_S) if is_waiting else None
        progress = self._catalog.progress()
        told = {
            "is_filled": progress.is_filled,
            "count": progress.count,
            "total": progress.total,
            "reads": progress.reads,
            "as_of": progress.as_of,
            "problem": problems.describe_any(progress.problem, self._config).title if progress.problem else None,
        }
        if is_waiting:
            told["was_due"] = was_due
        return answer(request, as_json(told), JSON)

    def sound(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        try:
            sound = self._catalog.read_sound(uid)
        except catalogs.UnknownSoundError:
            if rejection := self._catalog.read_rejection(uid):
                return self._show_problem(request, problems.describe_rejection(rejection))
            raise
        values = {
            "sound": sound,
            "waveform": svg.draw_waveform(sound.get("peaks"), WAVEFORM_COLUMNS),
            "moments": find_moments(sound.get("peaks"), sound.get("duration")),
            "document": as_json(sound, indent=2),
            "selection": parse_selection("sounds", request.query_params),  # of the list that led here
            "is_within": request.query_params.get("within") == "1",
        }
        return answer(request, self.templates.render("sound.html", **values), HTML)

    def means(self, request: Request) -> Response:
        sound = self._catalog.read_sound(request.path_params["uid"])
        sample, count = self._catalog.read_sample(SAMPLE_SOUNDS)
        bars = svg.draw_bars(sound.get("mean_mfccs"), sample)
        values = {"bars": bars, "n_mfcc": N_MFCC, "n_sample": len(sample), "count": count}
        return answer(request, self.templates.render("mean_mfccs.html", **values), HTML)

    def neighbours(self, request: Request) -> Response:
        sound, n, selection = self._read_asked(request)
        groups, following = neighbours.find_groups(self._catalog, sound, n, selection, N_NEIGHBOURS)
        values = {
            "sound": sound,
            "groups": groups,
            "is_filtered": selection.is_filtered,
            "more": dict(request.query_params) | {"n": str(following)} if following else None,
        }
        return answer(request, self.templates.render("neighbours.html", **values), HTML)

    def neighbours_json(self, request: Request) -> Response:
        found = neighbours.find_neighbours(self._catalog, *self._read_asked(request))
        return answer(request, as_json(list(map(in_short, found))), JSON)

    def _read_asked(self, request: Request) -> tuple[dict[str, Any], int, Selection]:
        """Return whose neighbours are asked for, how many, and among which."""
        selection = parse_selection("sounds", request.query_params)
        n = parse_count(request.query_params.get("n", ""), N_NEIGHBOURS, neighbours.MAX_NEIGHBOURS)
        return self._catalog.read_sound(request.path_params["uid"]), n, selection

    def map(self, request: Request) -> Response:
        return answer(request, self.templates.render("map.html"), HTML)

    def map_json(self, request: Request) -> Response:
        return answer(request, self._map.read(), JSON)

    def export(self, request: Request) -> Response:
        from page.catalog import export  # noqa: PLC0415  pyarrow takes half a second to import

        extension = request.path_params["extension"]
        if extension not in export.FORMATS:
            raise HTTPException(404)
        parameters = dict(request.query_params)
        kind: Kind = "rejections" if parameters.pop("kind", "") == "rejections" else "sounds"
        selection = parse_selection(kind, parameters) if any(parameters.values()) else None
        headers = {"content-disposition": f'attachment; filename="{kind}.{extension}"'}
        documents = self._catalog.read_all(kind, selection)
        pieces = begin(export.export(documents, extension, export.SCHEMAS[kind]))
        if request.method == "HEAD":
            pieces = islice(pieces, 1)  # so that the rest is not read
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
        return self._show_problem(request, problems.describe_any(error, self._config))

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
        return Response(self.templates.render(template, problem=problem), problem.status, media_type=HTML)
