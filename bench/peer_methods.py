"""The peers' methods: what a user might pick instead of librosa, each set as near to librosa's definition as it can be.

*Conventions.* Each computes the means of 12 coefficients of 128 mel bands over frames of 2048 samples every 512, of
mono at 22 050 Hz. A peer that reads no files is given the samples that soundfile reads and soxr resamples, as librosa
does it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.methods import Method

SR = 22050  # Hz
FRAME_S, HOP_S = 2048 / SR, 512 / SR
N_MELS, N_MFCC = 128, 12


def _load_kaldi() -> Method:
    import kaldi_native_fbank
    import numpy as np

    read = _load_reader()
    options = kaldi_native_fbank.MfccOptions()
    frame, mel = options.frame_opts, options.mel_opts
    frame.samp_freq, frame.frame_length_ms, frame.frame_shift_ms = SR, 1000 * FRAME_S, 1000 * HOP_S
    frame.dither, frame.preemph_coeff, frame.remove_dc_offset = 0, 0, False
    frame.window_type, frame.snip_edges = "hann", False
    mel.num_bins, mel.low_freq, mel.is_librosa = N_MELS, 0, True
    options.num_ceps, options.use_energy, options.cepstral_lifter = N_MFCC, False, 0

    def analyze(path: str) -> tuple[None, list[float]]:
        computer = kaldi_native_fbank.OnlineMfcc(options)
        computer.accept_waveform(SR, read(path))
        computer.input_finished()
        return None, np.mean([computer.get_frame(t) for t in range(computer.num_frames_ready)], axis=0).tolist()

    return analyze


def _load_speech_features() -> Method:
    import numpy as np
    from python_speech_features import mfcc

    read = _load_reader()
    options = {"nfilt": N_MELS, "nfft": 2048, "preemph": 0, "ceplifter": 0, "appendEnergy": False}

    def analyze(path: str) -> tuple[None, list[float]]:
        means = mfcc(read(path), SR, FRAME_S, HOP_S, N_MFCC, winfunc=np.hanning, **options).mean(axis=0)
        return None, means.tolist()

    return analyze


def _load_audioflux() -> Method:
    os.environ["MPLBACKEND"] = "agg"  # audioflux imports matplotlib, which would look for a screen
    import audioflux

    options = {"cc_num": N_MFCC, "mel_num": N_MELS, "radix2_exp": 11, "samplate": SR, "slide_length": 512}

    def analyze(path: str) -> tuple[None, list[float]]:
        y, _ = audioflux.read(path, samplate=SR)
        return None, audioflux.mfcc(y, **options)[0].mean(axis=1).tolist()

    return analyze


def _load_essentia() -> Method:
    import essentia
    import numpy as np

    essentia.log.infoActive = False
    from essentia import standard

    window = standard.Windowing(type="hann", normalized=False, zeroPhase=False)
    power = standard.PowerSpectrum()
    mfcc = standard.MFCC(
        inputSize=1025,
        type="power",
        numberBands=N_MELS,
        numberCoefficients=N_MFCC,
        warpingFormula="slaneyMel",
        normalize="unit_tri",
        weighting="linear",
        logType="dbpow",
        lowFrequencyBound=0,
        highFrequencyBound=SR / 2,
    )

    def analyze(path: str) -> tuple[None, list[float]]:
        y = standard.MonoLoader(filename=path, sampleRate=SR)()
        frames = standard.FrameGenerator(y, frameSize=2048, hopSize=512)
        return None, np.mean([mfcc(power(window(frame)))[1] for frame in frames], axis=0).tolist()

    return analyze


def _load_spafe() -> Method:
    from spafe.features.mfcc import mfcc
    from spafe.utils.preprocessing import SlidingWindow

    read = _load_reader()
    window = SlidingWindow(FRAME_S, HOP_S, "hanning")
    options = {"num_ceps": N_MFCC, "nfilts": N_MELS, "nfft": 2048, "pre_emph": False, "high_freq": SR / 2}

    def analyze(path: str) -> tuple[None, list[float]]:
        return None, mfcc(read(path), SR, window=window, **options).mean(axis=0).tolist()

    return analyze


def _load_opensmile() -> Method:
    import opensmile

    config = Path(__file__).parent / "opensmile.conf"
    smile = opensmile.Smile(str(config), "mfcc", sampling_rate=SR, resample=True, mixdown=True)

    def analyze(path: str) -> tuple[None, list[float]]:
        return None, smile.process_file(path).mean().tolist()

    return analyze


def _load_reader() -> Callable[[str], Any]:
    """Return what reads a file as librosa does, without librosa."""
    import soundfile
    import soxr

    def read(path: str) -> Any:
        samples, source_rate = soundfile.read(path, dtype="float32", always_2d=True)
        return soxr.resample(samples.mean(axis=1), source_rate, SR)

    return read


LOADERS: dict[str, Callable[[], Method]] = {
    "kaldi-native-fbank": _load_kaldi,
    "python-speech-features": _load_speech_features,
    "audioflux": _load_audioflux,
    "essentia": _load_essentia,
    "spafe": _load_spafe,
    "opensmile": _load_opensmile,
}
