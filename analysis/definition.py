"""The numbers that define what a document says: each of them stands here, and nowhere else."""

SR = 22050  # Hz: sample rate of the mono signal y that is analysed
N_FFT = 2048  # samples of a frame
HOP_LENGTH = 512  # samples from the start of one frame to the start of the next
N_MELS = 128  # mel bands of a spectrum
TOP_DB = 80.0  # dB: a level that is further below the highest level of the sound is raised to that
N_MFCC = 12  # coefficients of mean_mfccs
N_FINGERPRINT = 40  # numbers of the vector fingerprint, and so the dimension of its index
SAME_DISTANCE = 1.25  # two fingerprints that are nearer are of the same sound: docs/similarity.md says how surely
ANALYSIS_VERSION = 3  # documents of two versions are not comparable: raise it where a field changes its meaning
