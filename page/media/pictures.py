"""Pictures are drawn once for all who wait, the short apart from the long, and only while somebody waits.

*Lanes.* What takes long never keeps what is short waiting: a lane draws one picture at a time, of sounds up to its
length. The first lane draws in this process, the others in processes of their own with lower priority, which are killed
when nobody waits for their picture any more.
"""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass, field, replace
from math import inf
from threading import Event
from typing import TYPE_CHECKING, Any

from analysis.errors import CorruptError
from page.child_process import running
from page.media.audio import CompressedError
from page.media.bucket_file import TooManyBytesError
from page.media.cache import Cache
from page.media.drawing import NEEDED, Job, draw_job
from page.media.samples import NotSeekableError, seconds_of
from page.media.stretch import whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from page.config import Config
    from page.media.picture import Picture
    from page.media.stretch import Stretch

TTL_S, MAX_PICTURES = 3600, 50
LOOK_S = 0.2  # between two looks whether somebody still waits
NOT_SOUGHT = (CompressedError, NotSeekableError, TooManyBytesError)


class NobodyWaitsError(Exception):
    """Whoever asked for a picture has left."""


@dataclass(slots=True)
class Lane:
    """What is drawn one after the other.

    Attributes:
        longest_s: how many seconds of sound are decoded at most for a picture of this lane.
        largest_bytes: how large a file may be that is fetched whole for it.
        niceness: that of the process it is drawn in; None draws in this process.
        semaphore: held while a picture is drawn.
    """

    longest_s: float
    largest_bytes: float
    niceness: int | None
    semaphore: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))


@dataclass(slots=True)
class _Drawing:
    task: asyncio.Task[Picture]
    n_waiting: int = 0


class Pictures:
    """The pictures of the sounds of a bucket."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pictures: Cache[Picture] = Cache(TTL_S, MAX_PICTURES)
        self._drawings: dict[Any, _Drawing] = {}
        self._lanes = (Lane(300, 2**27, None), Lane(1800, 2**29, 5), Lane(inf, inf, 10))

    async def get(self, sound: dict[str, Any], stretch: Stretch, has_left: Callable[[], Awaitable[bool]]) -> Picture:
        """Return the pictures of a stretch of a sound.

        Raises NobodyWaitsError when who asked has left, CorruptError where the document does not say how long the sound
        is, OtherBucketError, and what download and decoding raise.
        """
        if not seconds_of(sound):
            raise CorruptError("its document does not say how long it is")
        key = sound["uid"], stretch
        if (picture := self._pictures.find(key)) is not None:
            return picture
        drawing = self._drawings.get(key)
        if drawing is None:
            needed = {name: sound.get(name) for name in NEEDED}
            drawing = self._drawings[key] = _Drawing(asyncio.create_task(self._draw(needed, stretch)))
        drawing.n_waiting += 1
        try:
            while not drawing.task.done():
                await asyncio.wait({drawing.task}, timeout=LOOK_S)
                if not drawing.task.done() and await has_left():
                    raise NobodyWaitsError
            picture = drawing.task.result()
            self._pictures.put(key, picture)
            return picture
        finally:
            drawing.n_waiting -= 1
            if not drawing.n_waiting:
                self._drawings.pop(key)
                if not drawing.task.cancel() and not drawing.task.cancelled():
                    drawing.task.exception()  # so that nobody is told of it who did not wait for it

    async def _draw(self, sound: dict[str, Any], stretch: Stretch) -> Picture:
        all_of_it = whole(sound, stretch.columns)
        if stretch != all_of_it:
            try:
                return await self._run(stretch.seconds, 0, Job(self._config, sound, stretch, is_sought=True))
            except NOT_SOUGHT:
                pass
        size = sound.get("size")
        n_bytes = size if isinstance(size, int) else inf
        return await self._run(all_of_it.seconds, n_bytes, Job(self._config, sound, stretch, is_sought=False))

    async def _run(self, seconds: float, n_bytes: float, job: Job) -> Picture:
        lane = next(lane for lane in self._lanes if seconds <= lane.longest_s and n_bytes <= lane.largest_bytes)
        async with lane.semaphore:
            return await (_draw_here(job) if lane.niceness is None else _draw_apart(job, lane.niceness))


async def _draw_here(job: Job) -> Picture:
    is_over = Event()

    def check() -> None:
        if is_over.is_set():
            raise NobodyWaitsError

    drawn = asyncio.get_running_loop().run_in_executor(None, draw_job, job, check)
    try:
        return await asyncio.shield(drawn)
    except asyncio.CancelledError:
        is_over.set()
        await asyncio.wait({drawn})  # only then may the next begin
        drawn.exception()
        raise


async def _draw_apart(job: Job, niceness: int) -> Picture:
    async with running("page.media.drawing") as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without pipes")
        process.stdin.write(pickle.dumps(replace(job, niceness=niceness)))
        content = await process.stdout.read()
    if not content:
        raise RuntimeError(f"the process that draws ended with {process.returncode}")
    outcome: Picture | Exception = pickle.loads(content)  # noqa: S301  from our own process
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
