"""Where downloads are kept between runs."""

import os
import tempfile
from pathlib import Path


def home() -> Path:
    """Return the user's home; for a user without one a path that does not exist."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() raises where there is none


def cache_directory() -> Path:
    """Return our directory below the user's cache, or below the temp dir for a user without a home."""
    caches = os.environ.get("XDG_CACHE_HOME") or (home() / ".cache" if home().is_dir() else tempfile.gettempdir())
    return Path(caches) / "local-sounds"
