"""The way of one upload, a module for each step: event, file, blocks of samples, features, document.

What libraries read from the environment when they are imported is set here, where it is not set yet.
"""

import os
import tempfile

# A second thread only spins on products as small as ours: one takes 0.7 of the CPU time of two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# numba, which librosa imports, needs a directory that can be written; in the cloud that is the temporary one alone.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.gettempdir())
# The storage client asks for the bucket's metadata beside the first download, for traces that nobody collects here: a
# request and a thread per process, for which the function has no permission.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
