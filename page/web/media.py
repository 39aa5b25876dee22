"""The addresses of files: a sound's bytes for the player, as they are or as WAV, its pictures, and rejected files."""

from __future__ import annotations

from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from analysis.definition import SR
from page.catalog.selection import BadParameterError
from page.display import is_file_known
from page.media.audio import RangeNotSatisfiableError, open_content, open_stored
from page.media.zip_file import safe_name
from page.web.answers import answer, is_known
from page.web.rendering import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from page.catalog.catalog import Catalog
    from page.config import Config
    from page.media.audio import Content
    from page.media.picture import Picture
    from page.media.pictures import Pictures
    from page.media.stretch import Stretch

    type Opener = Callable[[Config, dict[str, Any], str | None], Content]

CACHE_CONTROL = "private, max-age=86400, immutable"  # of what is made of one generation, which never changes


class Media:
    """What answers these addresses."""

    def __init__(self, config: Config, catalog: Catalog) -> None:
        self._config, self._catalog = config, catalog
        self._pictures: Pictures | None = None
        self._lock = Lock()
        self.routes = [
            Route("/sounds/{uid}/audio", self.audio),
            Route("/sounds/{uid}/spectrogram.png", self.spectrogram),
            Route("/sounds/{uid}/peaks.json", self.peaks),
            Route("/rejections/{uid}/file", self.rejected_file),
        ]

    def audio(self, request: Request) -> Response:
        """Answer with the file, or with the range that is asked for; ``as=wav`` converts it."""
        sound = self._catalog.read_sound(request.path_params["uid"])
        kind = request.query_params.get("as", "")
        if kind not in {"", "wav"}:
            raise BadParameterError("as=wav, or nothing")
        if kind:
            from page.media.wav import open_wav as open_it  # noqa: PLC0415  the decoders take a second to import
        else:
            open_it = open_content
        return self._send(request, sound, f'"{sound.get("generation")}{kind and "-"}{kind}"', open_it)

    def rejected_file(self, request: Request) -> Response:
        """Answer with the file of a rejection, to be saved: it may be anything, so that no browser is to show it."""
        rejection = self._catalog.read_rejection(request.path_params["uid"])
        if rejection is None or not is_file_known(rejection):
            raise HTTPException(404)
        answered = self._send(request, rejection, f'"{rejection["generation"]}"', open_stored)
        name = quote(safe_name(rejection["blob_name"]).rpartition("/")[2], safe="", errors="replace")
        answered.headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
        return answered

    def _send(self, request: Request, document: dict[str, Any], etag: str, open_it: Opener) -> Response:
        """Return the bytes of a document's file, or the range of them that is asked for."""
        if is_known(request, etag):
            return Response(status_code=304, headers={"cache-control": CACHE_CONTROL, "etag": etag})
        try:
            content = open_it(self._config, document, request.headers.get("range"))
        except RangeNotSatisfiableError as size:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        status, headers = 200, {"cache-control": CACHE_CONTROL, "etag": etag}
        if content.size is not None:
            headers |= {"accept-ranges": "bytes", "content-length": str(len(content.part or range(content.size)))}
        if content.part:
            status = 206
            headers["content-range"] = f"bytes {content.part[0]}-{content.part[-1]}/{content.size}"
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers | {"content-type": content.media_type})
        return StreamingResponse(begin(content.pieces), status, headers, content.media_type)

    async def spectrogram(self, request: Request) -> Response:
        """Answer with the spectrogram of the sound, or of the stretch ``from`` to ``to``."""
        picture, _ = await self._draw(request)
        return Response(picture.png, media_type="image/png", headers={"cache-control": CACHE_CONTROL})

    async def peaks(self, request: Request) -> Response:
        """Answer with the waveform of the sound, or of the stretch ``from`` to ``to``."""
        picture, stretch = await self._draw(request)
        pairs = memoryview(picture.peaks).cast("h").tolist()
        told = {"from": stretch.start / SR, "to": stretch.stop / SR, "low": pairs[::2], "high": pairs[1::2]}
        said = answer(request, as_json(told), "application/json")
        said.headers["cache-control"] = CACHE_CONTROL
        return said

    async def _draw(self, request: Request) -> tuple[Picture, Stretch]:
        from page.media.pictures import NobodyWaitsError  # noqa: PLC0415  librosa takes a second to import
        from page.media.stretch import parse_stretch  # noqa: PLC0415

        sound = await run_in_threadpool(self._catalog.read_sound, request.path_params["uid"])
        stretch = parse_stretch(sound, request.query_params)
        pictures = await run_in_threadpool(self._get_pictures)
        try:
            return await pictures.get(sound, stretch, request.is_disconnected), stretch
        except NobodyWaitsError:
            raise HTTPException(499) from None  # which nobody reads

    def _get_pictures(self) -> Pictures:
        from page.media.pictures import Pictures  # noqa: PLC0415  librosa takes a second to import

        with self._lock:
            self._pictures = self._pictures or Pictures(self._config)
            return self._pictures


def begin(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces, the first of them read, so that its error can still be answered with a status."""
    return chain((next(pieces, b""),), pieces)
