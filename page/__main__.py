"""What page.sh runs: serves the page, or writes the collection to a file."""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

from page.arguments import parse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from page.scope import Scope


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    given = parse(arguments)
    try:
        return _export(_make_scope(given), given.file) if given.export else _serve(_make_scope(given))
    except KeyboardInterrupt:
        return 130 if given.export else 0
    except (OSError, ValueError) as error:
        print(f"page.sh: {error}", file=sys.stderr)
        return 1


def _make_scope(given: argparse.Namespace) -> Scope:
    from analysis.settings import Settings  # noqa: PLC0415  what it imports takes a second, in which Ctrl-C is to be heard
    from page.scope import Scope, is_emulated  # noqa: PLC0415

    if given.uploads and not is_emulated():
        raise ValueError("--uploads is for the local stack only: this page never writes to a real bucket")
    os.environ["GOOGLE_CLOUD_PROJECT"] = given.project  # all clients go by it, the analysis' own too
    settings = Settings.from_environment(os.environ)
    return Scope(given.project, given.bucket, settings, given.host, given.port, given.uploads)


def _serve(scope: Scope) -> int:
    import uvicorn  # noqa: PLC0415
    from google.auth import default  # noqa: PLC0415
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415

    from page.app import make_app  # noqa: PLC0415
    from page.scope import LOOPBACK, is_emulated  # noqa: PLC0415

    if not is_emulated():
        try:
            default()
        except DefaultCredentialsError:
            print("page.sh: you are not signed in: gcloud auth application-default login", file=sys.stderr)
            return 1
    family = socket.AF_INET6 if ":" in scope.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((scope.host.strip("[]"), scope.port))
    print(f"The page: {scope.url}", flush=True)
    if scope.host not in {LOOPBACK, "localhost", "::1", "[::1]"}:
        print(
            f"Everybody who reaches {scope.host}:{scope.port} sees and hears all of {scope.bucket_name}, with your "
            "rights and at your cost: there is no password.",
            file=sys.stderr,
        )
    logging.getLogger("google.api_core.bidi").setLevel(logging.ERROR)  # it tells of every listener that ends
    config = uvicorn.Config(make_app(scope), log_level="warning", timeout_graceful_shutdown=1, server_header=False)
    uvicorn.Server(config).run([listener])
    return 0


def _export(scope: Scope, file: Path) -> int:
    """Write the collection to a file, which is there only when it is whole."""
    from page import export, trouble  # noqa: PLC0415

    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as written:
            for piece in export.export(scope, file.suffix[1:]):
                written.write(piece)
        part.replace(file)
    except trouble.EXPECTED as error:
        told = trouble.describe(error, scope)
        print(f"page.sh: {told.title}. {told.advice} {told.command}", file=sys.stderr)
        return 1
    finally:
        part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
