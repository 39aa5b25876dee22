"""Documents become HTML, in which everything that they hold is escaped, and JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from google.cloud.firestore_v1.vector import Vector
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from page import display
from page.catalog.encoding import as_text, numbers_of
from page.catalog.following import price
from page.catalog.records import PITCHES
from page.catalog.selection import SORTS, show_number
from page.config import is_emulated
from page.web import svg
from page.web.fields import make_rows
from page.web.static_files import prefix

if TYPE_CHECKING:
    from page.config import Config

FEW_LINKS = 24  # folders or formats that are seen at once
SORT_NAMES = {
    "newest": "newest first",
    "oldest": "oldest first",
    "name": "by name",
    "longest": "longest first",
    "shortest": "shortest first",
    "loudest": "loudest first",
    "quietest": "quietest first",
}
CONSOLE = "https://console.cloud.google.com"


class Templates:
    """The templates of the page, and the filters that they use."""

    def __init__(self, config: Config) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for function in (
            *(display.duration, display.level, display.size, display.source, display.source_in_short),
            *(display.when, display.folder, display.base_name, display.visible, display.is_number),
            display.is_file_known,
            *(display.file_format, display.media_type, display.clock, display.note, display.tempo),
            *(display.number, svg.draw_waveform, make_rows, iso_time, crumbs, merged, plain, price),
        ):
            self._environment.filters[function.__name__] = function
        self._environment.globals |= {
            "config": config,
            "static": prefix(),
            "address": address,
            "pitches": PITCHES,
            "sorts": SORTS,
            "sort_names": SORT_NAMES,
            "few": FEW_LINKS,
            "height": svg.HEIGHT,
            "console_links": lambda sound: console_links(config, sound),
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a page, or a part of one."""
        return self._environment.get_template(template).render(values)

    def render_row(self, kind: str, document: dict[str, Any]) -> str:
        """Return the row of a document in the list of sounds or of rejections."""
        return self.render(f"{kind}_row.html", document=document).strip()


def as_json(value: Any, indent: int | None = None) -> str:
    """Return a document as JSON: vectors are lists, bytes base64, times ISO 8601, NaN and infinity null.

    References and places are text, whether they come from the database or from the catalog.
    """
    try:
        return json.dumps(value, default=_plain, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:  # NaN or infinity: to look for those in each value first would take longer than all else
        return json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def address(path: str, parameters: dict[str, str]) -> str:
    """Return an address with its parameters."""
    return f"{path}?{urlencode(parameters)}" if parameters else path


def merged(parameters: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """Return the parameters of two."""
    return parameters | others


def plain(number: float | None) -> str:
    """Return a number as it is typed into a field, nothing for none."""
    return "" if number is None else show_number(number)


def crumbs(folder: str) -> list[dict[str, str]]:
    """Return the folders on the way to a folder, itself included, each with its name and its whole path."""
    names = folder.split("/")[:-1]
    return [{"name": f"{name}/", "folder": "/".join(names[:end]) + "/"} for end, name in enumerate(names, 1)]


def iso_time(time: Any) -> str:
    """Return a time as ISO 8601, or nothing."""
    return time.isoformat() if isinstance(time, datetime) else ""


def console_links(config: Config, sound: dict[str, Any]) -> dict[str, str]:
    """Return where Google's console shows the file and the document of a sound; of the local stack it shows nothing."""
    if is_emulated():
        return {}
    database = config.settings.firestore_database.replace("(default)", "-default-")
    collection, project = quote(config.settings.sounds_collection), quote(config.project)
    path = f"{quote(config.bucket_name)}/{quote(str(sound.get('blob_name')), safe='')}"
    return {
        "file": f"{CONSOLE}/storage/browser/_details/{path}?project={project}",
        "document": f"{CONSOLE}/firestore/databases/{database}/data/panel/{collection}/{sound['uid']}"
        f"?project={project}",
    }


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case Vector():
            return _plain(numbers_of(value))
        case float() if value != value or value in {float("inf"), -float("inf")}:  # noqa: PLR0124  NaN
            return None
        case str() | int() | float() | None:
            return value
    return as_text(value)
