"""Documents become HTML, everything in them escaped, and JSON."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from page import drawing, words
from page.scope import is_emulated

if TYPE_CHECKING:
    from page.scope import Scope

CONSOLE = "https://console.cloud.google.com"


class Pages:
    """The templates, with what each of them may ask for."""

    def __init__(self, scope: Scope) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for reader in (
            *(
                words.duration,
                words.level,
                words.size,
                words.rate,
                words.source,
                words.briefly,
                words.note,
                words.tempo,
                words.when,
            ),
            *(words.folder, words.base, words.shown, words.is_number),
            *(drawing.draw_waveform, iso),
        ):
            self._environment.filters[reader.__name__] = reader
        self._environment.globals |= {
            "scope": scope,
            "height": drawing.HEIGHT,
            "console": lambda sound: console(scope, sound),
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a page or a part of one."""
        return self._environment.get_template(template).render(values)

    def row(self, kind: str, document: dict[str, Any]) -> str:
        """Return the HTML of a document in the list of its kind."""
        return self.render(f"{kind}_row.html", document=document).strip()


def as_json(value: Any, indent: int | None = None) -> str:
    """Return a document as JSON: a vector is a list, bytes are base64, a time is ISO 8601; NaN is null."""
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def iso(moment: Any) -> str:
    """Return a time for machines."""
    return moment.isoformat() if isinstance(moment, datetime) else ""


def console(scope: Scope, sound: dict[str, Any]) -> dict[str, str]:
    """Return where Google's console shows the file and the document of a sound; the local stack has no console."""
    if is_emulated():
        return {}
    database = scope.settings.firestore_database.replace("(default)", "-default-")
    name = quote(str(sound.get("blob_name")), safe="")
    return {
        "file": f"{CONSOLE}/storage/browser/_details/{quote(scope.bucket_name)}/{name}?project={quote(scope.project)}",
        "document": f"{CONSOLE}/firestore/databases/{database}/data/panel/"
        f"{quote(scope.settings.sounds_collection)}/{sound['uid']}?project={quote(scope.project)}",
    }


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat()
        case float() if value != value or value in {float("inf"), -float("inf")}:  # noqa: PLR0124  NaN
            return None
        case str() | int() | float() | None:
            return value
    return [_plain(part) for part in value]
