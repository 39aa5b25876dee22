"""A file is opened by its content: by libsndfile, by ffmpeg, or part by part.

*Rule.* All samples that were recorded are read. A file that libsndfile reads whole is left to libsndfile, because
librosa reads by it, so the numbers are the same. A part that libsndfile would not read is given to libsndfile as a file
of its own, or is read by ffmpeg.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING

from analysis.decoding import caf, cut, flac, mpeg, riff
from analysis.decoding.chain import Chain, Resumed
from analysis.decoding.container import ACCEPTED
from analysis.decoding.ffmpeg import Ffmpeg
from analysis.decoding.id3 import end_of_tags
from analysis.decoding.mpeg_frames import Frames, read_frames
from analysis.decoding.ogg import read_links
from analysis.decoding.opus import RATE as OPUS_RATE
from analysis.decoding.opus import Opus
from analysis.decoding.sndfile import Sndfile, is_of_unknown_encoding
from analysis.decoding.spans import Spans
from analysis.decoding.texts import check_text_bytes, check_texts
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.decoding import Decoder
    from analysis.decoding.ogg import Link
    from analysis.decoding.spans import Span

MPG123_RESYNC_BYTES = 1024  # mpg123, libsndfile's decoder, skips at most this much that is not a frame
FRAME_BYTES = 2**12  # no frame of MPEG audio is longer
# Codecs that libsndfile knows: a file that it refuses is damaged, though ffmpeg would decode noise from it.
ADPCM = ("adpcm_ima_wav", "adpcm_ms")


def open_decoder(file: IO[bytes]) -> Decoder:
    """Open a sound file.

    Raises NotAudioError or CorruptError where nothing of it can be read, TooLargeError where its texts fill the memory.
    """
    check_texts(file)
    links = read_links(file)
    check_text_bytes(max((link.longest for link in links), default=0))
    if not links:
        return _open(file)
    if len(links) == 1:
        return _open_link(file, links[0], None)
    return Chain([partial(_open_link, file, link, partial(Spans, file, link.spans)) for link in links])


def _open_link(file: IO[bytes], link: Link, view: Callable[[], Spans] | None) -> Decoder:
    """Open an Ogg file, or one of its links.

    ffmpeg is given the pages that are whole, because it ends a stream at a damaged page.
    """
    pages = view or (None if link.gap is None else partial(Spans, file, link.spans))
    try:
        sndfile = Sndfile(file, view)
    except (NotAudioError, CorruptError):
        ffmpeg = Ffmpeg(file, pages)
        ffmpeg.damage = link.describe(ffmpeg.source.sample_rate)
        return ffmpeg
    is_opus = sndfile.source.codec == "OPUS"
    sndfile.damage = sndfile.problem = link.describe(OPUS_RATE if is_opus else sndfile.source.sample_rate)
    if link.is_whole and link.n_streams == 1 and is_opus and sndfile.source.sample_rate == OPUS_RATE:
        return Opus(file, sndfile, view)
    return Resumed(sndfile, partial(Ffmpeg, file, pages))


def _open(file: IO[bytes]) -> Decoder:
    try:
        sndfile = Sndfile(file)
    except NotAudioError:
        return _open_unknown(file)
    except CorruptError as damage:
        return _open_otherwise(file, damage)
    if sndfile.source.container == "MP3":
        return _open_mpeg(file, sndfile, 0)
    if sndfile.source.container == "FLAC":
        return _open_flac(file, sndfile)
    if spans := caf.order(file):
        return _open_spans(file, spans)
    return _open_wav(file, sndfile, riff.read_chunks(file))


def _open_wav(file: IO[bytes], sndfile: Sndfile, chunks: list[riff.Chunk]) -> Decoder:
    """Open a WAV as its chunks say, some of which libsndfile does not read; other formats have no chunks here."""
    if riff.holds_frames(file, chunks):
        return Ffmpeg(file)
    if sndfile.source.codec == "GSM610" and (n_samples := riff.count_gsm_samples(file, chunks)) is not None:
        sndfile.n_samples = min(sndfile.n_samples, n_samples)
    return Resumed(sndfile, partial(Ffmpeg, file))


def _open_unknown(file: IO[bytes]) -> Decoder:
    """Open a file that libsndfile does not recognise."""
    chunks = riff.read_chunks(file)
    if spans := riff.order(file, chunks):
        return _open_spans(file, spans)
    try:
        return Ffmpeg(file, partial(Spans, file, spans) if (spans := _behind_tags(file)) else None)
    except CorruptError:
        end = cut.end_of_boxes(file)
        if not end:
            raise
        return Ffmpeg(file, partial(Spans, file, [(0, end)]), cut.find_cut(file))
    except NotAudioError:
        mpeg_at = mpeg.find_mpeg(file)
        if mpeg_at is None:
            raise
    try:
        sndfile = Sndfile(file, partial(mpeg.AsMpeg, file, mpeg_at))
    except (NotAudioError, CorruptError) as error:
        raise CorruptError("no frame of MPEG audio that libsndfile finds") from error
    return _open_mpeg(file, sndfile, mpeg_at)


def _open_otherwise(file: IO[bytes], damage: CorruptError) -> Decoder:
    """Open a file that libsndfile recognises but cannot open."""
    if spans := riff.order(file, riff.read_chunks(file)) or caf.order(file) or _behind_tags(file):
        with suppress(CorruptError):
            return _open_spans(file, spans)
    try:
        ffmpeg = Ffmpeg(file)
    except CorruptError as error:
        if is_of_unknown_encoding(damage):
            raise NotAudioError(f"audio as an unknown codec: accepted are {ACCEPTED}") from error
        raise damage from error
    if ffmpeg.source.codec in ADPCM:
        raise damage
    return ffmpeg


def _open_spans(file: IO[bytes], spans: Sequence[Span]) -> Decoder:
    view = partial(Spans, file, spans)
    try:
        return Resumed(Sndfile(file, view), partial(Ffmpeg, file, view))
    except (NotAudioError, CorruptError):
        return Ffmpeg(file, view)


def _open_flac(file: IO[bytes], sndfile: Sndfile) -> Decoder:
    """Open a FLAC file so that all its frames are read, each with the rate, bits and channels that it declares."""
    files = flac.find_files(file)
    if len(files) > 1:
        return Chain([partial(_open_spans, file, [span]) for span in files])
    parts = flac.cut_at_changes(file, sndfile.source)
    if len(parts) > 1:
        return Chain([partial(_open_spans, file, part) for part in parts], sndfile.source)
    open_damaged = partial(flac.open_damaged, file, sndfile.source)
    end = flac.read_end(file, sndfile.source)
    n_samples = sndfile.n_samples
    if end is None or n_samples == end.n_samples or n_samples == flac.sum_samples(file, sndfile.source):
        return Resumed(sndfile, open_damaged)
    whole = Sndfile(file, partial(Spans, file, flac.without_count(file, end.place)))
    if sndfile.declared_samples and sndfile.n_samples > end.n_samples:
        rate = sndfile.source.sample_rate
        whole.damage = f"ends at {end.n_samples / rate:.2f} s of {sndfile.n_samples / rate:.2f} s"
    return Resumed(whole, open_damaged)


def _open_mpeg(file: IO[bytes], sndfile: Sndfile, mpeg_at: int) -> Decoder:
    """Open MPEG audio so that all its frames are read, and nothing else is taken for one."""
    start = end_of_tags(file, mpeg_at)
    frames = read_frames(file, start)
    if not frames.n_frames:
        if mpeg.is_of_free_format(file, start):
            return sndfile
        raise NotAudioError("no frames of MPEG audio follow each other")
    told = frames.xing.n_frames if frames.xing else None
    problem = frames.problem
    if problem is None and told is not None and told > frames.n_frames + 1:  # some encoders count the Xing frame, too
        problem = f"ends at {frames.seconds:.2f} s of {told * frames.parts[0].frame_s:.2f} s"
    sndfile.damage = sndfile.problem = problem
    n_told = sndfile.n_samples if told is None else told * frames.parts[0].frame_samples
    is_read_whole = (
        len(frames.parts) == 1
        and not frames.n_xings
        and frames.longest_gap <= MPG123_RESYNC_BYTES
        and n_told >= frames.parts[0].n_samples
    )
    if is_read_whole:
        return sndfile
    parts = [partial(Sndfile, file, _view_of_part(file, frames, index)) for index in range(len(frames.parts))]
    return Chain(parts, sndfile.source, problem)


def _view_of_part(file: IO[bytes], frames: Frames, index: int) -> partial[Spans]:
    """Return what gives libsndfile the frames of one part, in such a way that it reads all of them."""
    part = frames.parts[index]
    spans: list[Span] = [*part.spans]
    # Without an Xing header libsndfile guesses the number of frames from the size of the file and of the first frame,
    # so the file has to claim the size that it would have if all frames were of the longest.
    n_claimed = FRAME_BYTES * (part.n_frames + 1)
    if frames.xing and not index:
        n_bytes = len(frames.xing.content) + sum(end - start for start, end in part.spans)
        spans = [frames.xing.telling(part.n_frames, n_bytes), *spans]
        n_claimed = n_claimed if frames.xing.n_frames is None else 0
    return partial(Spans, file, spans, n_claimed=n_claimed)


def _behind_tags(file: IO[bytes]) -> list[Span]:
    """Return a file without the ID3v2 tags at its beginning, which may be longer than ffmpeg looks; [] without tags."""
    start = end_of_tags(file)
    return [(start, _size(file))] if start else []


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size
