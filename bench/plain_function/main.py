"""The plain function that ours is compared with: the tutorial's, which loads the whole file and knows no error."""  # noqa: INP001 - the source of a function

import json
import os
import tempfile
import uuid
from time import perf_counter
from typing import Any

import librosa
from google.cloud import firestore, storage  # type: ignore[attr-defined]  # storage ships no types

storage_client = storage.Client()
firestore_client = firestore.Client()


def analyze(event: dict[str, Any], _context: Any) -> None:
    """Write a document for the uploaded sound."""
    started = perf_counter()
    handle, path = tempfile.mkstemp()
    os.close(handle)
    storage_client.bucket(event["bucket"]).blob(event["name"]).download_to_filename(path)
    downloaded = perf_counter()
    y, sr = librosa.load(path)
    mean_mfccs = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=12).mean(axis=1)
    analyzed = perf_counter()
    uid = str(uuid.uuid4())
    sound = {
        "uid": uid,
        "blob_name": event["name"],
        "file_name": event["name"],
        "length": len(y),
        "mean_mfccs": mean_mfccs.astype(float).tolist(),
    }
    firestore_client.collection("sounds").document(uid).set(sound)
    written = perf_counter()
    os.remove(path)  # noqa: PTH107 - as the tutorial has it
    seconds = {"download": downloaded - started, "analyze": analyzed - downloaded, "write": written - analyzed}
    print(json.dumps({"message": "sound", "seconds": seconds}), flush=True)
