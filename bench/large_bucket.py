"""A server that lists a bucket of very many objects and can do nothing else: ``python -m bench.large_bucket PORT N``.

fake-gcs-server holds each object and looks through all of them at every upload: 30 000 took it nine minutes.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from analysis.upload import Upload
from bench.emulators import BUCKET
from bench.runs import ROOT
from local import program
from local.ports import choose_port
from local.program import HOST, Program

PAGE = 1000  # Cloud Storage gives no more at once
FIRST_GENERATION = 1_790_000_000_000_000
OBJECT = {"bucket": BUCKET, "size": "5", "contentType": "audio/x-wav", "timeCreated": "2026-11-24T09:00:00Z"}


def make_upload(number: int) -> Upload:
    """Return one of the uploads, by its place in the listing."""
    return Upload(BUCKET, f"takes/{number:07}.wav", FIRST_GENERATION + number)


def start_listing(directory: Path, count: int) -> Program:
    """Start the server of that many objects, and return at once."""
    port = choose_port(0)
    command = [sys.executable, "-m", "bench.large_bucket", str(port), str(count)]
    return program.start("listing", command, directory, port=port, cwd=ROOT)


def _list(first: int, count: int) -> dict[str, Any]:
    """Return the page that begins with an object, as Cloud Storage does."""
    end = min(first + PAGE, count)
    uploads = map(make_upload, range(first, end))
    items = [OBJECT | {"name": upload.blob_name, "generation": str(upload.generation)} for upload in uploads]
    return {"kind": "storage#objects", "items": items} | ({"nextPageToken": str(end)} if end < count else {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def do_GET(self) -> None:
        """Answer with a page of the listing, whatever the address."""
        (first,) = parse_qs(urlsplit(self.path).query).get("pageToken", ["0"])
        body = json.dumps(_list(int(first), self.count)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""


if __name__ == "__main__":
    _Handler.count = int(sys.argv[2])
    ThreadingHTTPServer((HOST, int(sys.argv[1])), _Handler).serve_forever()
