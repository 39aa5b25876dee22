"""Debian's chromium, as tests and pictures start it."""

import shutil

# It looks for nobody but the page: no updates, no accounts, no other protocol.
FLAGS = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


def find_chromium() -> str | None:
    """Return where the browser is, None where there is none."""
    return shutil.which("chromium")
