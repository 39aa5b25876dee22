"""What libraries read from the environment when they are imported is set by the package, where it is not set yet."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SET = {
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_CACHE_DIR": tempfile.gettempdir(),
    "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true",
}


@pytest.mark.parametrize("before", [{}, dict.fromkeys(SET, "2")], ids=["nothing set", "all set"])
def test_environment_is_set_before_libraries_read_it(before: dict[str, str]) -> None:
    """One thread, a cache where files can be written, no request for the bucket; else as somebody set it."""
    environment = {name: value for name, value in os.environ.items() if name not in SET} | before
    code = "import analysis, json, os; print(json.dumps(dict(os.environ)))"

    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )

    after = json.loads(run.stdout)
    assert {name: after[name] for name in SET} == SET | before
