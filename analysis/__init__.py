"""The way of one upload, a module for each step: event, file, blocks of samples, features, document.

What libraries read from the environment when they are imported is set here, where it is not set yet.
"""

import os
import tempfile

# On products as small as ours a second thread only waits in a loop: one thread takes 0.7 of the CPU time of two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# librosa imports numba, which needs a directory to write to; in the cloud that is the temporary directory alone.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.gettempdir())
# The storage client would ask for the bucket's metadata, for traces that nobody collects here: a request that the
# function has no permission for, in a thread of its own.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
