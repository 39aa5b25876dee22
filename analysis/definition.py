"""The numbers that define what a document says: each of them stands here, and nowhere else."""

SR = 22050  # Hz: sample rate of the mono signal y that is analysed
N_FFT = 2048  # samples of a frame
HOP_LENGTH = 512  # samples from the start of one frame to the start of the next
N_MELS = 128  # mel bands of a spectrum
TOP_DB = 80.0  # dB: a level that is further below the highest level of the sound is raised to that
N_MFCC = 12  # coefficients of mean_mfccs
N_FINGERPRINT = 40  # numbers of the vector fingerprint, and so the dimension of its index
SAME_DISTANCE = 1.25  # two fingerprints that are nearer are of the same sound: docs/similarity.md says how surely
SAME_SOUND_DISTANCE = 0.3  # two fingerprints that are nearer, of sounds as long, are of the same sound
SAME_LENGTH = 2205  # samples of y, 0.1 s, by which the same sound in two formats may differ
ANALYSIS_VERSION = 3  # documents of two versions are not comparable: raise it where a field changes its meaning
OPTIONAL_FEATURES = (  # of librosa, that FEATURES can ask for; N of mfcc:N is its n_mfcc
    *("chroma_stft", "melspectrogram", "mfcc:20", "mfcc:40", "rms", "spectral_bandwidth", "spectral_centroid"),
    *("spectral_contrast", "spectral_flatness", "spectral_rolloff", "zero_crossing_rate"),
)


def librosa_name(feature: str) -> str:
    """Return librosa's name of one of OPTIONAL_FEATURES, under which it stands in the document."""
    return feature.partition(":")[0]
