"""A recording becomes those fields of its document that come from the signal, in one pass over its samples.

*Conventions.* Blocks of ``y`` are mono float32 at 22 050 Hz. A feature is a class in a module of its own. It adds up
what its fields need, in memory that does not grow with the sound. ``analysis/document.py`` says what each field means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.features.fingerprint import Fingerprint
from analysis.features.levels import Levels
from analysis.features.mean_mfccs import MeanMfccs
from analysis.features.note import Note
from analysis.features.spectra import Spectra, compute_spectra
from analysis.features.tempo import Tempo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray


class Feature(Protocol):
    """What computes one or more fields of the document."""

    def add(self, spectra: Spectra) -> None:
        """Take the spectra of the next frames; their arrays are overwritten afterwards."""

    def fields(self) -> Mapping[str, Any] | None:
        """Return the fields by name, or None where all spectra are needed once more."""


FEATURES: tuple[Callable[[], Feature], ...] = (
    MeanMfccs,
    Fingerprint,
    Note,
    Tempo,
    Levels,
)


def extract(recording: Iterable[NDArray[np.float32]], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Compute the fields that come from the signal.

    Parameters
    ----------
    recording : iterable of np.ndarray [shape=(n,)], float32
        blocks of y at 22 050 Hz; it is iterated once, and seldom twice, so it must begin anew each time
    optional : tuple of str
        which of ``OPTIONAL_FEATURES`` of ``analysis/definition.py`` the field ``features`` has

    Returns
    -------
    fields : dict
        by name, with values of the types in ``analysis/document.py``; a field that the sound does not have is absent

    Raises
    ------
    NotFiniteError
        if samples are so large that their power is infinite

    Examples
    --------
    >>> import numpy as np
    >>> fields = extract([np.zeros(22050, np.float32)])
    >>> fields["length"], fields["silence"], [round(mean) for mean in fields["mean_mfccs"][:3]]
    (22050, 1.0, [-1131, 0, 0])
    """
    fields: dict[str, Any] = {}
    unfinished = [make() for make in FEATURES]
    if optional:
        from analysis.features.librosa_means import LibrosaMeans  # noqa: PLC0415 - few ask for it

        unfinished.append(LibrosaMeans(optional))
    while unfinished:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite powers raise NotFiniteError in the end
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
