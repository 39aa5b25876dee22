"""Writes anew what follows from the code: tables of fields, the README's document, the imports, golden numbers.

Usage: python -m tests.rewrite

A part stands between two comments, `<!-- NAME -->` and `<!-- /NAME -->`; a test fails where one is not up to date. The
example is the document of local/sample.wav: what is computed is computed anew, and what is not stays as it is there.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from analysis.decoding.recording import open_recording
from analysis.document import REJECTION_FIELDS, SOUND_FIELDS, Field, make_sound
from analysis.features import extract
from analysis.settings import Settings
from analysis.upload import Upload
from local.servers import ROOT
from tests.analysis.features import golden
from tests.repository import imports

WIDTH = 118  # of a line of the example
DIGITS = 3  # behind the point
LONG_TYPES = ("vector", "bytes")  # too long for a page


def sound_table(_: str) -> str:
    """The fields of a sound, as a table."""
    return table(SOUND_FIELDS)


def rejection_table(_: str) -> str:
    """The fields of a rejection: those that a sound has too, and a table of the others."""
    shared = [f"`{field.name}`" for field in REJECTION_FIELDS if field in SOUND_FIELDS]
    others = tuple(field for field in REJECTION_FIELDS if field not in SOUND_FIELDS)
    return f"It has {', '.join(shared[:-1])} and {shared[-1]}, as a sound has them, and:\n\n{table(others)}"


def example(part: str) -> str:
    """The document of the sample as JSON; of the part as it was, what depends on the upload."""
    (text,) = re.findall(r"```json\n(.*?)```", part, re.DOTALL)
    before = json.loads(text)
    upload = Upload(
        bucket_name=before["bucket"],
        blob_name=before["blob_name"],
        generation=before["generation"],
        size=before["size"],
        content_type=before["content_type"],
        md5_hash=before["md5_hash"],
        crc32c=before["crc32c"],
        uploaded_at=datetime.fromisoformat(before["uploaded_at"]),
        event_id=before["event_id"],
    )
    with (ROOT / "local/sample.wav").open("rb") as file:
        recording = open_recording(file, Settings())
        analyzed_at = datetime.fromisoformat(before["analyzed_at"])
        document = make_sound(upload, recording.source, extract(recording), analyzed_at)
    shown = {name: document[name] for name in document if name in shown_names()}
    return "```json\n{\n" + ",\n".join(f"  {line}" for line in lines_of(shown)) + "\n}\n```"


def shown_names() -> list[str]:
    """The names of the fields that are short enough for the example."""
    return [field.name for field in SOUND_FIELDS if field.type not in LONG_TYPES]


def table(fields: tuple[Field, ...]) -> str:
    """A table of fields, those of a map below it."""
    rows = [*rows_of(fields)]
    return "\n".join(["| field | type | since | meaning |", "|---|---|---|---|", *rows])


def rows_of(fields: tuple[Field, ...], prefix: str = "") -> Iterator[str]:
    """The rows of a table."""
    for field in fields:
        yield f"| `{prefix}{field.name}` | {type_of(field)} | {field.since} | {field.meaning} |"
        yield from rows_of(field.fields, f"{prefix}{field.name}.")


def type_of(field: Field) -> str:
    """The type of a field with its unit, how many numbers it has, and whether it may be null or absent."""
    n = " or ".join(map(str, field.n)) if isinstance(field.n, tuple) else field.n
    words = {"doubles": f"{n} doubles", "vector": f"vector of {field.n}"}.get(field.type, field.type)
    words += " or null" if field.is_nullable else ""
    words += " or absent" if field.is_optional else ""
    return f"{words}, {field.unit}" if field.unit else words


def lines_of(document: dict[str, Any]) -> Iterator[str]:
    """The fields of a document as JSON, as many on a line as it holds."""
    line = ""
    for name, value in document.items():
        field = f"{json.dumps(name)}: {json.dumps(rounded(value), default=datetime.isoformat)}"
        if line and len(line) + len(field) + 2 > WIDTH:
            yield line
            line = ""
        line += f", {field}" if line else field
    yield line


def rounded(value: Any) -> Any:
    """The value with numbers as a page shows them."""
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, DIGITS) if isinstance(value, float) else value


# By page and name of the part: what makes it of the part that is there.
PARTS: dict[tuple[str, str], Callable[[str], str]] = {
    ("docs/document.md", "fields of a sound"): sound_table,
    ("docs/document.md", "fields of a rejection"): rejection_table,
    ("README.md", "document"): example,
    ("CONTRIBUTING.md", "imports"): lambda _: imports.picture(),
}


def rewrite(page: str) -> str:
    """The text of a page, with its parts written anew."""
    text = (ROOT / page).read_text()
    for (of, name), write in PARTS.items():
        if of == page:
            begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            before, part, after = re.split(f"(?<={re.escape(begin)})(.*?)(?={re.escape(end)})", text, flags=re.DOTALL)
            text = f"{before}{write(part)}\n{after}"
    return text


def main() -> None:
    """Write the golden numbers first: they refuse a number that changed without its version."""
    golden.main()
    for changed in {page for page, _ in PARTS}:
        (ROOT / changed).write_text(rewrite(changed))


if __name__ == "__main__":
    main()
