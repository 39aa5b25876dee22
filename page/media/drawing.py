"""The pictures of a stretch are drawn from the file: of what can be sought in from that stretch alone, else from all.

``python -m page.media.drawing`` draws in a process of its own: it reads a pickled job from standard input, writes the
pickled picture or error to standard output, and ends as soon as its standard input does.
"""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from analysis.decoding.recording import mix, open_recording, resample
from analysis.definition import SR
from analysis.download import AT_HOME, download
from analysis.upload import Upload
from page.media.audio import OtherBucketError, open_file
from page.media.picture import Picture, draw, reach
from page.media.samples import open_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from page.config import Config
    from page.media.samples import Samples
    from page.media.stretch import Stretch

SPARE_BYTES = 8 * 2**20  # that may be fetched beside a stretch: headers, indexes, and what is read on the way to it
NEEDED = ("uid", "bucket", "blob_name", "generation", "size", "length", "source")  # fields of a document


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be drawn.

    Attributes:
        config: the page's.
        sound: the fields NEEDED of its document.
        stretch: what of it.
        is_sought: whether the file is sought in, and not decoded from its beginning.
        niceness: what is added to the niceness of a process that draws it.
    """

    config: Config
    sound: dict[str, Any]
    stretch: Stretch
    is_sought: bool
    niceness: int = 0


def draw_job(job: Job, check: Callable[[], None]) -> Picture:
    """Draw; ``check`` is called again and again, and may raise what ends it.

    Raises OtherBucketError, NotSeekableError, CompressedError, TooManyBytesError, and what download and decoding raise.
    """
    check()
    if job.sound.get("bucket") != job.config.bucket_name:
        raise OtherBucketError(f"{job.sound.get('bucket')}")
    return (_draw_sought if job.is_sought else _draw_decoded)(job, check)


def _draw_sought(job: Job, check: Callable[[], None]) -> Picture:
    wanted = reach(job.stretch)
    share = len(wanted) / job.sound["length"]
    file = open_file(job.config, job.sound, SPARE_BYTES + round(2 * share * (job.sound.get("size") or 0)))
    blocks = _read(open_samples(file, job.sound), wanted)
    return draw(_checked(blocks, check), job.stretch)


def _draw_decoded(job: Job, check: Callable[[], None]) -> Picture:
    sound, settings = job.sound, job.config.settings
    upload = Upload(sound["bucket"], sound["blob_name"], sound["generation"], sound.get("size"))
    with download(upload, settings.max_bytes, AT_HOME) as file:
        blocks = _part(_checked(open_recording(file, settings), check), reach(job.stretch))
        return draw(blocks, job.stretch)


def _read(samples: Samples, wanted: range) -> Iterator[NDArray[np.float32]]:
    """Yield samples of y, by seeking."""
    rate = samples.sample_rate
    first = wanted.start * rate // SR
    n_left = -(-len(wanted) * rate // SR)

    def native() -> Iterator[NDArray[np.float32]]:
        left = n_left
        for block in samples.read(first):
            yield mix(block[:left])
            left -= len(block)
            if left <= 0:
                return

    return resample(native(), rate)


def _part(blocks: Iterator[NDArray[np.float32]], wanted: range) -> Iterator[NDArray[np.float32]]:
    """Yield of all samples of y those that are wanted."""
    place = 0
    for y in blocks:
        if place + len(y) > wanted.start:
            yield y[max(0, wanted.start - place) : wanted.stop - place]
        place += len(y)
        if place >= wanted.stop:
            return


def _checked[T](blocks: Iterator[T] | Any, check: Callable[[], None]) -> Iterator[T]:
    for block in blocks:
        check()
        yield block


def _main() -> None:
    given = sys.stdin.buffer
    job: Job = pickle.load(given)  # noqa: S301  from the page itself
    os.nice(job.niceness)
    Thread(target=partial(_end_with, given), daemon=True).start()
    outcome: Picture | Exception
    try:
        outcome = draw_job(job, lambda: None)
    except Exception as error:  # noqa: BLE001  any: the page raises it
        outcome = error
    sys.stdout.buffer.write(_pickled(outcome))


def _pickled(outcome: Picture | Exception) -> bytes:
    try:
        content = pickle.dumps(outcome)
        pickle.loads(content)  # noqa: S301  our own: an exception may be one that cannot be made again
    except Exception:  # noqa: BLE001  whatever its class raises
        return pickle.dumps(RuntimeError(repr(outcome)))
    return content


def _end_with(given: IO[bytes]) -> None:
    """End this process when the page has closed what it is asked through, or has ended itself."""
    while os.read(given.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main()
