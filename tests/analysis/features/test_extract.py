"""Features are computed together: a second pass is for those that ask for it, and heavy imports are for nobody."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import features
from analysis.features import extract
from analysis.features.spectra import Spectra

ROOT = Path(__file__).parents[3]


class Asking:
    """A feature that counts samples, and asks for two passes more."""

    def __init__(self) -> None:
        self.n_passes = self.n_samples = 0

    def add(self, spectra: Spectra) -> None:
        """Count."""
        self.n_samples += len(spectra.samples)

    def fields(self) -> Mapping[str, Any] | None:
        """Ask twice, then answer."""
        self.n_passes += 1
        return {"seen": self.n_samples} if self.n_passes == 3 else None


def test_feature_is_given_all_spectra_as_often_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature in the list has its fields beside those of the others, which see every sample once."""
    monkeypatch.setattr(features, "FEATURES", (*features.FEATURES, Asking))

    fields = extract(np.array_split(np.ones(100_000, np.float32), 7))

    assert fields["seen"] == 300_000
    assert fields["length"] == 100_000


def test_second_pass_needs_blocks_that_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that can be had only once are refused where they would be needed twice; the error names the feature."""
    monkeypatch.setattr(features, "FEATURES", (Asking,))

    with pytest.raises(TypeError, match="only once, but Asking takes a second pass"):
        extract(iter([np.ones(1000, np.float32)]))


def test_start_imports_nothing_that_no_sound_needs() -> None:
    """Neither the start of the function nor a sound's analysis imports what costs a third of a cold start."""
    code = (
        "import sys, main; from analysis import pipeline; from importlib import import_module\n"
        "for module in pipeline.HEAVY_MODULES: import_module(module)\n"
        "import numpy; from analysis.features import extract; extract([numpy.ones(9000, numpy.float32)])\n"
        "assert 'librosa' in sys.modules and {'scipy.signal', 'scipy.stats'}.isdisjoint(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
