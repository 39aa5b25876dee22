"""The map: a picture of the sounds in which those that sound alike are near to each other.

*Conventions.* A place is (x, y), both from 0 to 1. The axes are the two principal components of the fingerprints: the
directions in which they differ most. ``kept`` is the share of the fingerprints' variance that is in the two axes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from page.display import folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.catalog.catalog import Catalog

MAX_SOUNDS = 2000
MIN_SOUNDS = 3
DIGITS = 4  # of a place


def read_map(catalog: Catalog) -> dict[str, Any]:
    """Return the map of at most MAX_SOUNDS sounds; of more than that it is a random sample."""
    return make_map(*catalog.read_sample(MAX_SOUNDS))


def make_map(sample: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Place a sample of so many sounds.

    Fingerprints of another length than most belong to another version and are left out. Fewer than MIN_SOUNDS make no
    picture.
    """
    lengths = Counter(len(document["fingerprint"]) for document in sample if document.get("fingerprint"))
    length = lengths.most_common(1)[0][0] if lengths else 0
    placed = [document for document in sample if len(document.get("fingerprint") or ()) == length > 0]
    if len(placed) < MIN_SOUNDS:
        return {"sounds": [], "count": count, "read": len(sample), "kept": 0}
    places, kept = project(np.array([list(document["fingerprint"]) for document in placed]))
    pairs = zip(placed, places.round(DIGITS).tolist(), strict=True)
    sounds = [_describe(document, *place) for document, place in pairs]
    return {"sounds": sounds, "count": count, "read": len(sample), "kept": round(kept, 3)}


def project(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Project vectors on their first two principal components.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, d)]
        n >= 3 vectors

    Returns
    -------
    places : np.ndarray [shape=(n, 2)]
        from 0 to 1, both axes in the same scale
    kept : float
        share of the variance that is in the two axes, 0 to 1

    Examples
    --------
    >>> places, kept = project(np.array([[0.0, 0, 0], [4, 0, 0], [0, 0, 2]]))
    >>> kept
    1.0
    """
    centred = vectors - vectors.mean(axis=0)
    _, singular_values, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    extent = np.ptp(places, axis=0)
    scale = extent.max() or 1.0
    variance = singular_values**2
    kept = float(variance[:2].sum() / (variance.sum() or 1.0))
    return (places - places.min(axis=0)) / scale + (1 - extent / scale) / 2, kept


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
