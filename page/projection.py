"""The collection as a picture: sounds that are near in it sound alike.

*Conventions.* A place is (x, y) from 0 to 1. The two axes are the directions in which the fingerprints differ most
(principal components); how much of their variance the picture keeps is told with it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from page.listing import count_sounds, read_sample
from page.remembering import Memory
from page.words import folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.scope import Scope

MOST = 2000
DIGITS = 4
LEAST = 3  # sounds that make a picture
KEEP_S = 600

_maps: Memory[dict[str, Any]] = Memory(KEEP_S, 4)


def draw_map(scope: Scope) -> dict[str, Any]:
    """Return the sounds with their places, how many there are in all, and how much of the variance is kept."""
    return _maps.get(scope, lambda: make_map(read_sample(scope, MOST), count_sounds(scope)))


def make_map(sample: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Place a sample of so many sounds; those whose fingerprints are of another length than most are left out."""
    lengths = Counter(len(document["fingerprint"]) for document in sample if document.get("fingerprint"))
    length = lengths.most_common(1)[0][0] if lengths else 0
    placed = [document for document in sample if len(document.get("fingerprint") or ()) == length > 0]
    if len(placed) < LEAST:
        return {"sounds": [], "count": count, "read": len(sample), "kept": 0}
    places, kept = project(np.array([list(document["fingerprint"]) for document in placed]))
    pairs = zip(placed, places.round(DIGITS).tolist(), strict=True)
    sounds = [_describe(document, *place) for document, place in pairs]
    return {"sounds": sounds, "count": count, "read": len(sample), "kept": round(kept, 3)}


def project(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Project vectors on their two principal components.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d)]
        n >= 3 vectors

    Returns
    -------
    places : np.ndarray [shape=(n, 2)]
        from 0 to 1, both axes in the same scale
    kept : float
        share of the variance that is in them, 0 to 1
    """
    centred = vectors - vectors.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    extent = np.ptp(places, axis=0)
    scale = extent.max() or 1.0
    variance = singular**2
    return (places - places.min(axis=0)) / scale + (1 - extent / scale) / 2, float(
        variance[:2].sum() / (variance.sum() or 1.0)
    )


def _describe(document: dict[str, Any], x: float, y: float) -> dict[str, Any]:
    source = document.get("source")
    return {
        "uid": document["uid"],
        "blob_name": document.get("blob_name"),
        "x": x,
        "y": y,
        "duration": document.get("duration"),
        "rms_db": document.get("rms_db"),
        "container": source.get("container") if isinstance(source, dict) else None,
        "folder": folder(document.get("blob_name")),
    }
