"""ffmpeg's libraries decode a sound file in a format that libsndfile does not read, or reads slowly.

*Conventions.* Those of `Block`.

*Damage.* A packet that cannot be decoded is left out, and its time with it, as by ffmpeg's own program. Where the file
cannot be read on, the sound ends. Both are a problem of the file, unless all the samples that the stream counts were
decoded before: what follows them may be a tag. The stream counts no samples where its length is guessed from the bit
rate, or where only the film as a whole has a length.
"""

from __future__ import annotations

from itertools import groupby
from math import inf
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from analysis.decoding import Block, Source
from analysis.decoding.container import (
    ACCEPTED,
    ALAC_IN_CAF,
    CODECS,
    FRAMED,
    make_decoder,
    open_container,
    unreadable,
)
from analysis.decoding.cut import find_cut
from analysis.decoding.tags import choose_tags
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import av
    import av.container
    from numpy.typing import NDArray

    from analysis.decoding.spans import Spans

BLOCK_VALUES = 2**17  # samples times channels of a block
MAX_BAD_PACKETS = 2**14  # a file with more is not decoded further: each takes some microseconds
# Packets that are tried at the beginning of a file whose format has no signature: half of them have to be audio.
TRIED_PACKETS = 8
MISSING_S = 0.5  # a smaller difference from the declared length is none: it may be rounded, or include padding


# The dtype of each of ffmpeg's sample formats, whose planar variants end in "p".
DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}


class Ffmpeg:
    """Decodes the first audio track of a file that it can; ``view``, if given, returns the file that is read instead.

    Raises NotAudioError where there is no such track, CorruptError where the file begins like one of the formats but
    cannot be read.

    Attributes:
        source: what the file says of itself.
        declared_samples: number of samples that the file declares; None where it declares none.
        start_s: declared time of the first sample, seconds.
        damage: what is known to be wrong with the file before it is decoded.
        problem: what is wrong with the file, as far as it has been decoded.
    """

    def __init__(self, file: IO[bytes], view: Callable[[], Spans] | None = None, damage: str | None = None) -> None:
        self._file, self._view, self.damage = file, view, damage
        self.problem: str | None = None
        with open_container(file, view) as container:
            self._track = _choose_track(container)
            stream = container.streams.audio[self._track]
            context = stream.codec_context
            if not context.sample_rate or not context.channels:
                raise unreadable(file, f"{context.name} without a sample rate or channels")
            n_tracks = len(container.streams.audio)
            self.source = Source(
                container.format.name,
                context.name,
                context.sample_rate,
                context.channels,
                track=self._track + 1 if n_tracks > 1 else None,
                tracks=n_tracks if n_tracks > 1 else None,
                tags=choose_tags(container.metadata, stream.metadata),
            )
            self.start_s = float((stream.start_time or 0) * (stream.time_base or 0))
            self.declared_samples, self._n_declared, self._n_counted, self._n_seeming = None, 0, 0, 0
            if stream.duration is not None and stream.time_base is not None:
                self._n_seeming = n_declared = round(stream.duration * stream.time_base * context.sample_rate)
                if stream.start_time is not None:  # else the duration is a guess
                    self.declared_samples = self._n_declared = n_declared
                    end = stream.duration + min(0, stream.start_time)  # samples before time 0 are not counted
                    self._n_counted = round(end * stream.time_base * context.sample_rate)
            elif container.duration is not None:
                self._n_seeming = self.declared_samples = round(container.duration / 1e6 * context.sample_rate)
                if n_tracks == len(container.streams):  # else it is the duration of the film
                    self._n_declared = self.declared_samples
            if container.format.name in FRAMED:
                self._check_first_packets(container)

    def decode(self, skip: int = 0, *, stop_at_damage: bool = False) -> Iterator[Block]:
        """Yield the samples after the first ``skip``, with ``stop_at_damage`` only those before the first damage."""
        damage = _Damage(self._n_counted, self._n_declared, self._n_seeming)
        is_alac_in_caf = (self.source.container, self.source.codec) == ALAC_IN_CAF
        end = self._n_counted if is_alac_in_caf and self._n_counted else inf
        n_given = 0
        self.problem = self.damage
        with open_container(self._file, self._view) as container:
            frames = self._frames(container, damage, stop_at_damage=stop_at_damage)
            for (rate, *_), alike in groupby(frames, _kind_of):
                for frame in _join(alike):
                    samples = samples_of(frame)[max(0, skip - n_given) : int(min(frame.samples, end - n_given))]
                    n_given += frame.samples
                    if len(samples):
                        yield Block(rate, samples)
        self.problem = self.damage or damage.describe() or (find_cut(self._file) if self._view is None else None)

    def _frames(
        self, container: av.container.InputContainer, damage: _Damage, *, stop_at_damage: bool
    ) -> Iterator[av.AudioFrame]:
        """Yield the frames that can be decoded, and note which packets cannot."""
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        stream = container.streams.audio[self._track]
        decoder = make_decoder(stream, container.format.name)
        packets: Iterator[av.Packet[av.AudioStream] | None] = container.demux(stream)
        while damage.n_bad < MAX_BAD_PACKETS:
            packet = None
            try:
                packet = next(packets)
                frames = decoder.decode(packet)
            except StopIteration:
                return
            except av.ArgumentError as error:  # a frame or an allocation is larger than the limit
                raise CorruptError(f"ffmpeg: {error.strerror}") from error
            except av.FFmpegError as error:
                damage.note(error.strerror or "", is_packet=packet is not None)
                if stop_at_damage:
                    return
                if packet is None:  # the file cannot be read on, but the decoder still holds frames
                    packets = iter([None])
                continue
            except ValueError as error:  # PyAV raises it where there is no codec behind damage
                raise CorruptError(f"ffmpeg: {error}") from error
            if packet is not None and packet.is_corrupt and not decoder.name.startswith("pcm_"):
                damage.cut()
            for frame in frames:
                damage.add(frame)
                yield frame

    def _check_first_packets(self, container: av.container.InputContainer) -> None:
        """Raise NotAudioError where the first packets are not audio: ffmpeg takes almost anything for some formats."""
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        stream = container.streams.audio[self._track]
        decoder = make_decoder(stream, container.format.name)
        n_tried = n_bad = 0
        try:
            for packet in container.demux(stream):
                if not packet.size or n_tried == TRIED_PACKETS:
                    break
                n_tried += 1
                try:
                    decoder.decode(packet)
                except av.FFmpegError:
                    n_bad += 1
        except av.FFmpegError:
            n_bad += 1
        if 2 * n_bad > n_tried:
            raise unreadable(self._file, "no frames")


class _Damage:
    """What is found to be wrong with a file while it is decoded.

    Attributes:
        n_bad: number of packets that could not be decoded.
    """

    def __init__(self, n_counted: int, n_declared: int, n_seeming: int) -> None:
        self._n_counted, self._n_declared, self._n_seeming = n_counted, n_declared, n_seeming
        self._first: str | None = None
        self._rate, self._n_decoded, self._seconds = 0, 0, 0.0
        self.n_bad = 0

    def add(self, frame: av.AudioFrame) -> None:
        """Count a frame that was decoded."""
        self._rate = frame.sample_rate
        self._n_decoded += frame.samples
        self._seconds += frame.samples / frame.sample_rate

    def note(self, why: str, *, is_packet: bool) -> None:
        """Note that a packet cannot be decoded, or that the file cannot be read on."""
        self.n_bad += 1
        what = "a packet cannot be decoded" if is_packet else "cannot be read on"
        self._note(f"{what} at {self._seconds:.2f} s ({why})")

    def cut(self) -> None:
        """Note that the file ends within a packet."""
        self._note(f"ends within a packet at {self._seconds:.2f} s")

    def describe(self) -> str | None:
        """Return what is wrong and where, None where nothing is."""
        if self._first:
            return self._first if self.n_bad <= 1 else f"{self._first}, the first of {self.n_bad} problems"
        if not self._n_decoded and self._n_seeming:
            return f"none of the {self._n_seeming} samples that it seems to have"
        if self._rate and self._n_declared - self._n_decoded > MISSING_S * self._rate:
            return f"ends at {self._seconds:.2f} s of {self._n_declared / self._rate:.2f} s"
        return None

    def _note(self, problem: str) -> None:
        """Note the first problem, unless all the samples that the stream counts were decoded before."""
        if self._first is None and not 0 < self._n_counted <= self._n_decoded:
            self._first = problem


def _kind_of(frame: av.AudioFrame) -> tuple[int, int, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _join(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """Join frames of one kind to longer ones: a frame has about 1000 samples, which are too few to handle alone."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    joined, n_joined = av.AudioFifo(), 1
    for frame in frames:
        n_joined = max(1, BLOCK_VALUES // frame.layout.nb_channels)
        frame.pts = None  # with it, the queue refuses a stream that does not begin at time 0
        joined.write(frame)
        yield from joined.read_many(n_joined)
    yield from joined.read_many(n_joined, partial=True)


def _choose_track(container: av.container.InputContainer) -> int:
    """Return the index of the first audio track that may be decoded."""
    tracks = container.streams.audio
    if not tracks:
        raise NotAudioError(f"a {container.format.long_name} file without audio: accepted are {ACCEPTED}")
    names = [_name_codec(track) for track in tracks]
    decodable = CODECS.split(",")
    for index, name in enumerate(names):
        if name in decodable:
            return index
    raise NotAudioError(f"audio as {', '.join(dict.fromkeys(names))}: accepted are {ACCEPTED}")


def _name_codec(track: av.AudioStream) -> str:
    try:
        return track.codec_context.name
    except (AttributeError, ValueError):  # there is no codec, or no decoder for it
        return "an unknown codec"


def samples_of(frame: av.AudioFrame) -> NDArray[np.float32] | NDArray[np.int16]:
    """Return the samples of a frame, [shape=(n, channels)]: 16-bit integers as they are, others as float32."""
    from av.audio.plane import AudioPlane  # noqa: PLC0415 - only what libsndfile does not read pays for it

    n_channels = frame.layout.nb_channels
    dtype = DTYPES[frame.format.name.removesuffix("p")]
    # frame.planes and frame.to_ndarray() are not used: with more than 8 planes PyAV reads beyond its list of planes.
    if frame.format.is_planar:
        planes = [np.frombuffer(AudioPlane(frame, i), dtype, frame.samples) for i in range(n_channels)]
        samples: NDArray[Any] = np.stack(planes, axis=0).T
    else:
        samples = np.frombuffer(AudioPlane(frame, 0), dtype, frame.samples * n_channels).reshape(-1, n_channels).copy()
    if samples.dtype == np.int16:
        return samples
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    y: NDArray[np.float32] = samples.astype(np.float32, copy=False)
    if kind != "f":
        y /= 2.0 ** (bits - 1)
    if kind == "u":
        y -= 1
    return y
