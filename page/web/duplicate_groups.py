"""The addresses of the groups of copies: for people, for programs, and as CSV."""

from __future__ import annotations

import csv
import io
from itertools import batched, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.responses import StreamingResponse
from starlette.routing import Route

from page.catalog.selection import BadParameterError, parse_count, parse_selection
from page.web import problems
from page.web.answers import answer
from page.web.removal import make_command, uri_of
from page.web.rendering import as_json, iso_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from page.catalog.catalog import Catalog
    from page.catalog.duplicates import Groups
    from page.config import Config
    from page.web.rendering import Templates

PAGE_SIZE = 10  # groups
SHOWN = 10  # members of a group
NAMED = 200  # files in a command
KINDS = ("file", "sound")
COLUMNS = ("group", "same", "keep", "uid", "blob_name", "uri", "size", "duration", "uploaded_at")


class DuplicatesPages:
    """What answers the addresses of duplicates."""

    def __init__(self, config: Config, catalog: Catalog, templates: Templates) -> None:
        self._config = config
        self._catalog = catalog
        self._templates = templates

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/duplicates", self.html),
            Route("/duplicates.json", self.json),
            Route("/duplicates.csv", self.csv),
        ]

    def html(self, request: Request) -> Response:
        """Answer with a page of groups."""
        parameters = dict(request.query_params)
        selection, same = parse_selection("sounds", parameters), _parse_same(parameters)
        number = parse_count(parameters.get("page", ""), 1, 10**9)
        everything = self._catalog.find_duplicates(selection)
        groups = _of_kind(everything, same)
        page = groups.take(np.arange(len(groups))[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
        progress = self._catalog.progress()
        asked = {name: value for name, value in parameters.items() if value and name != "page"}
        values = {
            "selection": selection,
            "same": same,
            "asked": asked,
            "sums": {kind: _sum_up(_of_kind(everything, kind)) for kind in KINDS},
            "count": len(groups),
            "groups": self._describe(page),
            "earlier": asked | {"page": str(number - 1)} if number > 1 else None,
            "later": asked | {"page": str(number + 1)} if len(groups) > number * PAGE_SIZE else None,
            "named": NAMED,
            "progress": progress,
            "problem": problems.describe_any(progress.problem, self._config) if progress.problem else None,
        }
        return answer(request, self._templates.render("duplicates.html", **values), "text/html")

    def json(self, request: Request) -> Response:
        """Answer with all groups."""
        groups = self._find_all(request)
        sizes = np.add.reduceat(groups.sizes, groups.starts[:-1]) if len(groups) else groups.sizes
        told = [
            {"same": _kind_of(groups, at), "uids": [place.uid for place in places], "size": size, "freed": freed}
            for at, (places, size, freed) in enumerate(
                zip(self._catalog.read_places(groups), sizes.tolist(), groups.freed.tolist(), strict=True)
            )
        ]
        return answer(request, as_json({"groups": told}), "application/json")

    def csv(self, request: Request) -> Response:
        """Answer with a line for each member of each group."""
        groups = self._find_all(request)
        headers = {"content-disposition": 'attachment; filename="duplicates.csv"'}
        lines = self._write(groups)
        if request.method == "HEAD":
            lines = islice(lines, 1)  # so that the rest is not read
        return StreamingResponse(lines, headers=headers, media_type="text/csv; charset=utf-8")

    def _find_all(self, request: Request) -> Groups:
        self._catalog.check_filled()
        parameters = dict(request.query_params)
        same = _parse_same(parameters)
        return _of_kind(self._catalog.find_duplicates(parse_selection("sounds", parameters)), same)

    def _describe(self, groups: Groups) -> list[dict[str, Any]]:
        """Return what is shown of each group."""
        counts, freed = groups.counts.tolist(), groups.freed.tolist()
        return [
            {
                "same": _kind_of(groups, at),
                "count": counts[at],
                "freed": freed[at],
                "members": self._catalog.read_members(groups, at, SHOWN),
                "command": make_command(places[1 : NAMED + 1]),
            }
            for at, places in enumerate(self._catalog.read_places(groups))
        ]

    def _write(self, groups: Groups) -> Iterator[str]:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for some in batched(range(len(groups)), PAGE_SIZE):
            part = groups.take(np.array(some))
            for at, places in enumerate(self._catalog.read_places(part)):
                documents = {one["uid"]: one for one in self._catalog.read_members(part, at, len(places))}
                for place in places:
                    document = documents.get(place.uid, {})
                    keep = "yes" if place is places[0] else "no"
                    facts = (document.get("size"), document.get("duration"), iso_time(document.get("uploaded_at")))
                    names = (place.uid, place.name, uri_of(place))
                    writer.writerow((some[0] + at + 1, _kind_of(part, at), keep, *names, *facts))
            yield text.getvalue()
            text.seek(0)
            text.truncate()
        yield text.getvalue()


def _parse_same(parameters: Mapping[str, str]) -> str:
    same = parameters.get("same", "")
    if same and same not in KINDS:
        raise BadParameterError("same is file or sound")
    return same


def _of_kind(groups: Groups, same: str) -> Groups:
    first, end = {"file": (0, groups.n_file), "sound": (groups.n_file, len(groups))}.get(same, (0, len(groups)))
    return groups.take(np.arange(first, end))


def _kind_of(groups: Groups, at: int) -> str:
    return "file" if at < groups.n_file else "sound"


def _sum_up(groups: Groups) -> dict[str, int]:
    """Return how many groups there are, how many files are not the first of theirs, and how many bytes these have."""
    return {"groups": len(groups), "files": len(groups.ids) - len(groups), "freed": int(groups.freed.sum())}
