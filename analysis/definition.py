"""The numbers that define what a document says; each stands here, and nowhere else."""

SR = 22050  # Hz: sample rate of the mono signal y that is analysed
N_FFT = 2048  # samples of a frame
HOP_LENGTH = 512  # samples from the start of one frame to the start of the next
N_MELS = 128  # mel bands of a spectrum
SILENT_DB = -60  # dBFS: samples below count as silent
TOP_DB = 80.0  # dB: a level that is further below the highest level of the sound is raised to that
N_MFCC = 12  # coefficients of mean_mfccs
N_FINGERPRINT = 40  # numbers of the vector fingerprint, and so the dimension of its index
SAME_DISTANCE = 1.25  # nearer fingerprints are of nearly the same sound: docs/similarity.md says how often not
SAME_SOUND_DISTANCE = 0.3  # nearer fingerprints are of the same sound, if their lengths are the same
SAME_LENGTH = 2205  # samples of y, 0.1 s: the lengths of one sound in two formats differ by no more
ANALYSIS_VERSION = 3  # documents of two versions are not comparable: raise it where a field changes its meaning
OPTIONAL_FEATURES = (  # features of librosa that the setting FEATURES may name; mfcc:N is mfcc with n_mfcc=N
    *("chroma_stft", "melspectrogram", "mfcc:20", "mfcc:40", "rms", "spectral_bandwidth", "spectral_centroid"),
    *("spectral_contrast", "spectral_flatness", "spectral_rolloff", "zero_crossing_rate"),
)
ACCEPTED_FEATURES = f"{', '.join(OPTIONAL_FEATURES)}, separated by commas, and mfcc once at most"


def librosa_name(feature: str) -> str:
    """Return librosa's name of one of OPTIONAL_FEATURES, which is its name in the document, too."""
    return feature.partition(":")[0]


def read_features(text: str) -> tuple[str, ...]:
    """Return the features that a list names, separated by commas, each once; raise ValueError with what is accepted.

    >>> read_features("rms, mfcc:20, rms")
    ('rms', 'mfcc:20')
    """
    features = tuple(dict.fromkeys(feature for part in text.split(",") if (feature := part.strip())))
    if not set(features) <= set(OPTIONAL_FEATURES) or len(set(map(librosa_name, features))) < len(features):
        raise ValueError(ACCEPTED_FEATURES)
    return features
