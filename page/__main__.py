"""What page.sh runs: serves the page, exports all sounds to a file, or finds those that are like a file."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import sys
from typing import TYPE_CHECKING

from page.arguments import parse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from page.catalog.catalog import Catalog
    from page.config import Config


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for and return the exit code."""
    given = parse(arguments)
    try:
        config = _make_config(given)
        if given.forget_catalog:
            return _forget(config)
        if given.command == "export":
            return _export(config, given.file)
        if given.command == "similar":
            return _find_similar(config, given.file, as_json=given.json, may_read_all=given.yes)
        return _serve(config, may_read_all=given.yes)
    except KeyboardInterrupt:
        return 130 if given.command else 0
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"page.sh: {error}", file=sys.stderr)
        return 1


def _make_config(given: argparse.Namespace) -> Config:
    # Imported here, where KeyboardInterrupt is caught: the imports take a second.
    from analysis.login import count_requests_for  # noqa: PLC0415
    from analysis.settings import Settings  # noqa: PLC0415
    from page.config import Config, is_emulated  # noqa: PLC0415

    if given.uploads and not is_emulated():
        raise ValueError("--uploads is for the local stack only: this page never writes to a real bucket")
    if not is_emulated():
        count_requests_for(given.project, os.environ)
    os.environ["GOOGLE_CLOUD_PROJECT"] = given.project  # the clients of analysis/ read it too
    settings = Settings.from_environment(os.environ)
    return Config(given.project, given.bucket, settings, given.host, given.port, given.uploads)


def _forget(config: Config) -> int:
    """Remove the catalog of a bucket."""
    from page.catalog.catalog import forget  # noqa: PLC0415

    path = forget(config)
    print(f"Removed {path}" if path else "There is no catalog of this bucket.")
    return 0


def _serve(config: Config, *, may_read_all: bool) -> int:
    import uvicorn  # noqa: PLC0415

    from page.config import LOOPBACK  # noqa: PLC0415
    from page.web.app import make_app  # noqa: PLC0415

    if not _is_signed_in():
        return 1
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((config.host.strip("[]"), config.port))
    print(f"The page: {config.url}", flush=True)
    if config.host not in {LOOPBACK, "localhost", "::1", "[::1]"}:
        print(
            f"Everybody who reaches {config.host}:{config.port} sees and hears all of {config.bucket_name}, with your "
            "rights and at your cost: there is no password.",
            file=sys.stderr,
        )
    logging.getLogger("google.api_core.bidi").setLevel(logging.ERROR)  # it logs the end of every listener
    catalog = _open_catalog(config, may_read_all=may_read_all)
    if catalog is None:
        return 1
    server = uvicorn.Config(
        make_app(config, catalog), log_level="warning", timeout_graceful_shutdown=1, server_header=False
    )
    uvicorn.Server(server).run([listener])
    return 0


def _is_signed_in() -> bool:
    from google.auth import default  # noqa: PLC0415
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415

    from page.config import is_emulated  # noqa: PLC0415

    try:
        return is_emulated() or bool(default())
    except DefaultCredentialsError:
        print("page.sh: you are not signed in: gcloud auth application-default login", file=sys.stderr)
        return False


def _open_catalog(config: Config, *, may_read_all: bool) -> Catalog | None:
    """Return the catalog of a bucket; None where filling it costs so much that it has to be asked for."""
    from page.catalog.catalog import Catalog  # noqa: PLC0415
    from page.catalog.following import UNASKED_READS, price  # noqa: PLC0415
    from page.config import is_emulated  # noqa: PLC0415

    catalog = Catalog(config, may_read_all=may_read_all)
    if is_emulated() or may_read_all or (reads := _count_unread(catalog)) <= UNASKED_READS:
        return catalog
    print(f"page.sh: to read the collection once is {price(reads)}: --yes does that", file=sys.stderr)
    catalog.close()
    return None


def _count_unread(catalog: Catalog) -> int:
    from page.web.problems import EXPECTED_ERRORS  # noqa: PLC0415

    try:
        return catalog.count_unread()
    except EXPECTED_ERRORS:
        return 0  # the page will tell of it


def _export(config: Config, file: Path) -> int:
    """Write all sounds to a file that appears under its name when it is whole."""
    from page.catalog import export  # noqa: PLC0415
    from page.web import problems  # noqa: PLC0415

    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as written:
            for piece in export.export(export.read_batches(config), file.suffix[1:]):
                written.write(piece)
        part.replace(file)
    except problems.EXPECTED_ERRORS as error:
        problem = problems.describe(error, config)
        print(f"page.sh: {problem.title}. {problem.advice} {problem.command}", file=sys.stderr)
        return 1
    finally:
        part.unlink(missing_ok=True)
    return 0


def _find_similar(config: Config, file: Path, *, as_json: bool, may_read_all: bool) -> int:
    """Print the sounds that are most like a file."""
    from analysis.errors import AnalysisError  # noqa: PLC0415
    from page.similarity import example, listing  # noqa: PLC0415
    from page.web import problems  # noqa: PLC0415

    try:
        sound = example.analyse(file.open("rb"), str(file), config.settings)
    except AnalysisError as error:
        print(f"page.sh: {file} is no sound for the function, {error.reason}: {error}", file=sys.stderr)
        return 1
    catalog = _open_catalog(config, may_read_all=may_read_all) if _is_signed_in() else None
    if catalog is None:
        return 1
    try:
        listing.fill(catalog)
        print(listing.list_neighbours(catalog, sound, as_json=as_json))
    except problems.EXPECTED_ERRORS as error:
        problem = problems.describe(error, config)
        print(f"page.sh: {problem.title}. {problem.advice} {problem.command}", file=sys.stderr)
        return 1
    finally:
        catalog.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
