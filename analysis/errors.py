"""What can be wrong with an upload for good: the closed vocabulary of rejections, and what needs no answer at all."""

from typing import ClassVar


class AnalysisError(Exception):
    """A retry cannot help: the upload becomes a rejection with this ``reason``, the exception's text its message."""

    reason: ClassVar[str]


class NotAudioError(AnalysisError):
    """No decoder knows the content as sound."""

    reason = "not_audio"


class CorruptError(AnalysisError):
    """The content begins like a sound but cannot be decoded."""

    reason = "corrupt"


class EmptyError(AnalysisError):
    """The object has no bytes, or the sound no samples."""

    reason = "empty"


class NotFiniteError(AnalysisError):
    """A sample is NaN or infinite, or so large that its power is."""

    reason = "not_finite"


class TooLargeError(AnalysisError):
    """More bytes than ``MAX_BYTES``."""

    reason = "too_large"


class TooLongError(AnalysisError):
    """More seconds than ``MAX_DURATION_S``."""

    reason = "too_long"


class TooManyChannelsError(AnalysisError):
    """More channels than ``MAX_CHANNELS``."""

    reason = "too_many_channels"


class BadSampleRateError(AnalysisError):
    """A sample rate outside ``MIN_SAMPLE_RATE`` to ``MAX_SAMPLE_RATE``."""

    reason = "bad_sample_rate"


class EncryptedError(AnalysisError):
    """The object is encrypted with a key of the customer's own, which the function does not have."""

    reason = "encrypted"


class ExpiredError(AnalysisError):
    """The event came later than ``MAX_EVENT_AGE_S`` after the upload: it kept failing, or waited."""

    reason = "expired"


class Skipped(Exception):  # noqa: N818 - it is an answer, not an error
    """The event needs neither a sound nor a rejection; the exception's text says why."""


class Gone(Skipped):
    """The object is no longer in the bucket, or is another generation: deleted or overwritten."""
