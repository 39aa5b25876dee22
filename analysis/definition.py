"""The numbers that define what a document says, each of them here and nowhere else."""

SR = 22050  # Hz, of the mono signal y that is analysed
N_MFCC = 12  # coefficients of mean_mfccs
N_FINGERPRINT = 40  # dimension of the vector fingerprint, and so of its index
ANALYSIS_VERSION = 2  # another version means other definitions: documents of two versions are not comparable
