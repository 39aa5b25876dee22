"""A recording becomes the fields of its document that come from the signal, all of them in one pass over its samples.

*Conventions.* Blocks of ``y`` are mono float32 at 22 050 Hz. A feature is a class in a module of its own: it adds up
what its fields need, in memory that does not grow with the sound. What each field means stands in
``analysis/document.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.features.fingerprint import Fingerprint
from analysis.features.levels import Levels
from analysis.features.mean_mfccs import MeanMfccs
from analysis.features.note import Note
from analysis.features.spectra import Spectra, compute_spectra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray


class Feature(Protocol):
    """What computes one or more fields of the document."""

    def add(self, spectra: Spectra) -> None:
        """Take the spectra of the next frames; the arrays are overwritten by those of the frames after them."""

    def fields(self) -> Mapping[str, Any] | None:
        """Return the fields by name, in the document's own types; None: add all spectra once more, then ask again."""


FEATURES: tuple[Callable[[], Feature], ...] = (MeanMfccs, Fingerprint, Note, Levels)


def extract(recording: Iterable[NDArray[np.float32]], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Compute the fields that come from the signal.

    Parameters
    ----------
    recording : iterable of np.ndarray [shape=(n,)], float32
        blocks of y at 22 050 Hz; iterated once, or seldom twice, so it must begin anew when it is
    optional : tuple of str
        which of ``OPTIONAL_FEATURES`` of ``analysis/definition.py`` are to be in the field ``features``

    Returns
    -------
    fields : dict
        by name, as in ``analysis/document.py``; a field that the sound does not have is absent

    Raises
    ------
    NotFiniteError
        if samples are so large that their power is not a number
    """
    fields: dict[str, Any] = {}
    unfinished = [make() for make in FEATURES]
    if optional:
        from analysis.features.librosa_means import LibrosaMeans  # noqa: PLC0415 - few ask for it

        unfinished.append(LibrosaMeans(optional))
    while unfinished:
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is seen in the maximum
            for spectra in compute_spectra(recording):
                for feature in unfinished:
                    feature.add(spectra)
        answers = [(feature, feature.fields()) for feature in unfinished]
        unfinished = [feature for feature, found in answers if found is None]
        for _, found in answers:
            fields |= found or {}
        if unfinished and iter(recording) is recording:
            names = ", ".join(type(feature).__name__ for feature in unfinished)
            raise TypeError(f"recording can be iterated only once, but {names} takes a second pass")
    return fields
