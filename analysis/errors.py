"""The reasons for which an upload is rejected, and for which it is skipped."""

from typing import ClassVar


class AnalysisError(Exception):
    """A retry cannot help. The upload becomes a rejection with this ``reason``; its message is the exception's text."""

    reason: ClassVar[str]


class NotAudioError(AnalysisError):
    """No decoder knows the content as sound."""

    reason = "not_audio"


class CorruptError(AnalysisError):
    """The content begins like a sound, and not one sample of it can be decoded."""

    reason = "corrupt"


class EmptyError(AnalysisError):
    """The object has no bytes, or the sound has no samples."""

    reason = "empty"


class NotFiniteError(AnalysisError):
    """A sample is NaN or infinite, or its power is infinite."""

    reason = "not_finite"


class TooLargeError(AnalysisError):
    """More bytes than ``MAX_BYTES``, or more bytes of titles and other texts than decoders may hold."""

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
    """The object is encrypted with a customer-supplied key, which the function does not have."""

    reason = "encrypted"


class RequesterPaysError(AnalysisError):
    """The bucket makes whoever reads it pay, and the function's requests name no project that does."""

    reason = "requester_pays"


class ExpiredError(AnalysisError):
    """The event is older than ``MAX_EVENT_AGE_S``: it failed again and again, or it waited behind too many others."""

    reason = "expired"


class KeepsFailingError(AnalysisError):
    """Its analysis fails at every attempt while that of others succeeds. Only the backfill finds that out."""

    reason = "failed"


class Skipped(Exception):  # noqa: N818 - it is an answer, not an error
    """The upload needs neither a sound nor a rejection; the exception's text says why."""


class Gone(Skipped):
    """The generation is no longer in the bucket: its blob was deleted or overwritten."""
