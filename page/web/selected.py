"""Several sounds at once: those that were selected, or all that a search finds, as ZIP, CSV, names or a command.

*Conventions.* The body of the POST is that of a form: ``uid`` for each sound, or ``all=1`` and the parameters of the
list. A foreign ``Origin`` is refused by the middleware, as for every POST.
"""

from __future__ import annotations

from itertools import batched, chain
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from page import display
from page.catalog.catalog import Place, UnknownSoundError
from page.catalog.selection import BadParameterError, parse_selection
from page.media.audio import open_content
from page.media.zip_file import write_zip
from page.web import problems
from page.web.copying import make_commands
from page.web.media import begin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from page.catalog.catalog import Catalog
    from page.config import Config
    from page.media.audio import Content

MAX_SOUNDS = 5000  # of one ZIP file
MAX_BYTES = 10 * 10**9  # of one ZIP file: what leaves a bucket costs about 12 cents a GB
MAX_BODY_BYTES = 64 * MAX_SOUNDS  # a uid takes 41
BATCH = 500
KEPT = ("uid", "blob_name", "bucket", "generation", "size", "uploaded_at")  # what a ZIP file needs of a document
MEDIA_TYPES = {
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "sh": "text/plain; charset=utf-8",
}


class Selected:
    """What answers these addresses."""

    def __init__(self, config: Config, catalog: Catalog) -> None:
        self._config, self._catalog = config, catalog
        self.routes = [Route("/selected.{kind:str}", self.selected, methods=["POST"])]

    async def selected(self, request: Request) -> Response:
        """Answer with the selected sounds in one of four kinds."""
        kind = request.path_params["kind"]
        if kind not in MEDIA_TYPES:
            raise HTTPException(404)
        form = await _read_form(request)
        return await run_in_threadpool(self._answer, kind, form)

    def _answer(self, kind: str, form: list[tuple[str, str]]) -> Response:
        batches = self._read(form)
        named = (list(map(_named, some)) for some in batches)
        match kind:
            case "zip":
                pieces = write_zip(self._check(named), self._open, self._describe)
            case "csv":
                from page.catalog import export  # noqa: PLC0415  pyarrow takes half a second to import

                known = ([sound for sound in some if "generation" in sound] for some in batches)
                pieces = export.export(known, "csv")
            case "txt":
                pieces = ("".join(f"{sound['blob_name']}\n" for sound in some).encode() for some in named)
            case _:
                pieces = (make_commands(map(_place, some)).encode() for some in named)
        headers = {} if kind in {"txt", "sh"} else {"content-disposition": f'attachment; filename="sounds.{kind}"'}
        return StreamingResponse(begin(pieces), headers=headers, media_type=MEDIA_TYPES[kind])

    def _read(self, form: list[tuple[str, str]]) -> Iterator[list[dict[str, Any]]]:
        """Yield the documents in batches; of a sound that is not there any more no more than its uid."""
        if ("all", "1") in form:
            return self._catalog.read_all("sounds", parse_selection("sounds", dict(form)))
        uids = dict.fromkeys(value for name, value in form if name == "uid")
        if not uids:
            raise BadParameterError("uid for each selected sound, or all=1 and the parameters of the list")
        return (list(map(self._read_sound, some)) for some in batched(uids, BATCH))

    def _read_sound(self, uid: str) -> dict[str, Any]:
        try:
            return self._catalog.read_sound(uid)
        except UnknownSoundError:
            return {"uid": uid, "blob_name": uid}

    def _check(self, batches: Iterator[list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return what is needed of the sounds; raises TooMuchError for more than one ZIP file may hold."""
        kept: list[dict[str, Any]] = []
        n_bytes = 0
        for sound in chain.from_iterable(batches):
            kept.append({name: sound.get(name) for name in KEPT})
            n_bytes += sound["size"] if isinstance(sound.get("size"), int) else 0
            if len(kept) > MAX_SOUNDS or n_bytes > MAX_BYTES:
                raise problems.TooMuchError(
                    f"One ZIP file holds at most {display.number(MAX_SOUNDS)} sounds and {display.size(MAX_BYTES)}"
                )
        return kept

    def _open(self, sound: dict[str, Any]) -> Content:
        if sound["generation"] is None:
            raise UnknownSoundError(sound["uid"])
        return open_content(self._config, sound, None)

    def _describe(self, error: Exception) -> str:
        if not isinstance(error, problems.EXPECTED_ERRORS):
            raise error
        problem = problems.describe(error, self._config)
        return f"{problem.title}. {problem.advice}"


async def _read_form(request: Request) -> list[tuple[str, str]]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise problems.TooMuchError(f"At most {display.number(MAX_SOUNDS)} sounds can be selected one by one")
    return parse_qsl(body.decode(errors="replace"))


def _named(sound: dict[str, Any]) -> dict[str, Any]:
    """Return a sound with its uid for a name where its document has none."""
    return sound if isinstance(sound.get("blob_name"), str) else sound | {"blob_name": sound["uid"], "generation": None}


def _place(sound: dict[str, Any]) -> Place:
    return Place(sound["uid"], sound.get("bucket") or "", sound["blob_name"], sound.get("generation"))
