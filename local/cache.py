"""Where downloads are kept between runs."""

import os
import tempfile
from pathlib import Path


def home() -> Path:
    """Return the user's home; for a user without one a path that does not exist."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() raises where there is none


def cache_directory() -> Path:
    """Return our directory below the user's cache, or in the temp dir for a user without a home."""
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "local-sounds"
    if home().is_dir():
        return home() / ".cache/local-sounds"
    return Path(tempfile.gettempdir()) / f"local-sounds-cache-{os.getuid()}"
