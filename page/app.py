"""The addresses of the page, and what is done for each."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from page import drawing, likeness, listing, playing, receiving, trouble
from page.beginning import begin
from page.guard import Guard
from page.news import News
from page.projection import draw_map
from page.rendering import Pages, as_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from page.scope import Scope

NEIGHBOURS = 10
SPREAD_SOUNDS = 300  # enough for percentiles; a read each, once in ten minutes
LASTING = "private, max-age=86400, immutable"  # a generation never changes
NUMBER = re.compile(r"[0-9]{1,9}")
FRAGMENTS = ("/neighbours", "/means")


def make_app(scope: Scope) -> Guard:
    """Return the page over what the scope names, guarded: also what is said of an error that nobody foresaw."""
    site = _Site(scope)
    routes = [
        Route("/", site.sounds),
        Route("/rejections", site.rejections),
        Route("/sounds/{uid}", site.sound),
        Route("/sounds/{uid}/audio", site.audio),
        Route("/sounds/{uid}/spectrogram.png", site.spectrogram),
        Route("/sounds/{uid}/means", site.means),
        Route("/sounds/{uid}/neighbours", site.neighbours),
        Route("/sounds/{uid}/neighbours.json", site.neighbours_json),
        Route("/map", site.map),
        Route("/map.json", site.map_json),
        Route("/export.{ending:str}", site.export),
        Route("/events", site.events),
        *([Route("/uploads", site.upload, methods=["POST"])] if scope.uploads else []),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(trouble.EXPECTED, site.tell_trouble)
    handlers |= {HTTPException: site.refuse, Exception: site.tell_unforeseen}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), scope)


class _Site:
    """What answers; the methods that are not async run in threads, as Google's clients wait."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._pages = Pages(scope)
        self._news = News(scope, self._pages.row)

    def sounds(self, request: Request) -> Response:
        return self._list(request, listing.sounds_of(self._scope))

    def rejections(self, request: Request) -> Response:
        return self._list(request, listing.rejections_of(self._scope))

    def _list(self, request: Request, kind: listing.Kind) -> Response:
        asked, mark = request.query_params.get("q", "").strip(), request.query_params.get("after", "")
        since = datetime.now(UTC)
        start, part = asked, listing.Part([], None)
        for spelling in _spellings(asked) if asked else ():
            part = listing.read_named(self._scope, kind, spelling, mark)
            if part.documents or mark:
                start = spelling
                break
        if not asked:
            part = listing.read_newest(self._scope, kind, mark)
        found = {"part": part, "asked": asked, "start": start, "is_first": not mark, "since": since.isoformat()}
        return HTMLResponse(self._pages.render(f"{kind.name}.html", kind=kind.name, **found))

    def sound(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        try:
            sound = listing.read_sound(self._scope, uid)
        except listing.UnknownSoundError:
            if rejection := listing.read_rejection(self._scope, uid):
                return self._tell(request, trouble.rejected(rejection))
            raise
        waveform = drawing.draw_waveform(sound.get("peaks"), 800)
        return HTMLResponse(
            self._pages.render("sound.html", sound=sound, waveform=waveform, document=as_json(sound, indent=2))
        )

    def audio(self, request: Request) -> Response:
        sound = listing.read_sound(self._scope, request.path_params["uid"])
        try:
            content = playing.open_content(self._scope, sound, request.headers.get("range"))
        except playing.OutsideError as size:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        status, headers = 200, {"cache-control": LASTING, "etag": f'"{content.generation}"'}
        if content.size is not None:
            headers |= {"accept-ranges": "bytes", "content-length": str(len(content.part or range(content.size)))}
        if content.part:
            status = 206
            headers["content-range"] = f"bytes {content.part[0]}-{content.part[-1]}/{content.size}"
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers | {"content-type": content.media_type})
        return StreamingResponse(begin(content.pieces), status, headers, content.media_type)

    def spectrogram(self, request: Request) -> Response:
        from page.spectrogram import draw_spectrogram  # noqa: PLC0415  librosa takes a second

        png = draw_spectrogram(self._scope, listing.read_sound(self._scope, request.path_params["uid"]))
        return Response(png, media_type="image/png", headers={"cache-control": LASTING})

    def means(self, request: Request) -> Response:
        sound = listing.read_sound(self._scope, request.path_params["uid"])
        sample = listing.read_sample(self._scope, SPREAD_SOUNDS)
        bars = drawing.draw_bars(sound.get("mean_mfccs"), sample)
        return HTMLResponse(self._pages.render("means.html", bars=bars, n_sample=len(sample), most=SPREAD_SOUNDS))

    def neighbours(self, request: Request) -> Response:
        sound, found = self._find_neighbours(request)
        return HTMLResponse(self._pages.render("neighbours.html", sound=sound, neighbours=found))

    def neighbours_json(self, request: Request) -> Response:
        _, found = self._find_neighbours(request)
        return Response(as_json([_without_pictures(neighbour) for neighbour in found]), media_type="application/json")

    def _find_neighbours(self, request: Request) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        sound = listing.read_sound(self._scope, request.path_params["uid"])
        n = _read_number(request.query_params.get("n", ""))
        found = likeness.find_neighbours(self._scope, sound, n)
        return sound, [
            neighbour
            | {"same": likeness.is_same_again(sound, neighbour), "words": likeness.describe(neighbour["distance"])}
            for neighbour in found
        ]

    async def map(self, _: Request) -> Response:
        return HTMLResponse(self._pages.render("map.html"))

    def map_json(self, _: Request) -> Response:
        return Response(as_json(draw_map(self._scope)), media_type="application/json")

    def export(self, request: Request) -> Response:
        from page import export  # noqa: PLC0415  pyarrow takes half a second

        ending = request.path_params["ending"]
        if ending not in export.FORMATS:
            raise HTTPException(404)
        headers = {"content-disposition": f'attachment; filename="sounds.{ending}"'}
        pieces = begin(export.export(self._scope, ending))
        if request.method == "HEAD":
            pieces = islice(pieces, 1)  # tells whether it can begin; the rest would be read for nobody
        return StreamingResponse(pieces, headers=headers, media_type=export.FORMATS[ending])

    async def events(self, request: Request) -> Response:
        asked = request.headers.get("last-event-id") or request.query_params.get("since", "")
        try:
            since = datetime.fromisoformat(asked)
        except ValueError:
            raise HTTPException(400) from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        return StreamingResponse(self._news.follow(since), media_type="text/event-stream")

    async def upload(self, request: Request) -> Response:
        try:
            uid = await receiving.take(self._scope, request)
        except receiving.RefusedError as error:
            return JSONResponse({"title": str(error)}, error.status)
        return JSONResponse({"uid": uid}, 201)

    def tell_trouble(self, request: Request, error: Exception) -> Response:
        return self._tell(request, trouble.describe(error, self._scope))

    def tell_unforeseen(self, request: Request, error: Exception) -> Response:
        return self._tell(request, trouble.unforeseen(error))

    def refuse(self, request: Request, error: HTTPException) -> Response:
        if error.status_code == trouble.NO_SUCH_PAGE.status:
            return self._tell(request, trouble.NO_SUCH_PAGE)
        answer = self._tell(request, trouble.Trouble(error.status_code, error.detail, ""))
        answer.headers.update(error.headers or {})
        return answer

    def _tell(self, request: Request, what: trouble.Trouble) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            told = {"title": what.title, "advice": what.advice, "command": what.command}
            return JSONResponse(told, what.status)
        page = "trouble_part.html" if request.url.path.endswith(FRAGMENTS) else "trouble.html"
        return HTMLResponse(self._pages.render(page, trouble=what), what.status)


def _read_number(asked: str) -> int:
    """Return how many neighbours are asked for, within bounds; what is no number of a few digits is refused."""
    if not asked:
        return NEIGHBOURS
    if not NUMBER.fullmatch(asked):
        raise HTTPException(400, f"n is a whole number from 1 to {likeness.MOST}")
    return min(max(int(asked), 1), likeness.MOST)


def _spellings(asked: str) -> list[str]:
    """Return how a name may be spelt that somebody types: as typed, in small letters, Capitalised, in capitals."""
    return list(dict.fromkeys((asked, asked.lower(), asked.capitalize(), asked.upper())))


def _without_pictures(neighbour: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in neighbour.items() if name != "peaks"}
