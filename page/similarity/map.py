"""The map: a picture of the sounds in which near means alike, made in the background and stored in the catalog.

*Conventions.* A random sample of the sounds, MAX_LAID_OUT at most, is laid out as page.similarity.layout does it, in a
process of its own. Others, up to MAX_SOUNDS in all, are placed beside the one of those that they are nearest to. Both
samples are the same for the same collection, and change little where it grows. The picture is laid out anew when the
collection differs by more than CHANGED from the one that it was made of; what comes meanwhile is placed beside.

``kept`` is the share of the ten nearest of each sound, by fingerprint, that are among its ten nearest in the picture:
the mean over those that are laid out, and among them. It is None where they are too few for that to say anything.
"""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import asdict, dataclass
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from page.child_process import command_of, environment
from page.display import folder
from page.similarity.layout import measure_kept, place_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from page.catalog.catalog import Catalog
    from page.catalog.points import Points

MAX_LAID_OUT, MAX_SOUNDS = 2000, 20_000
MIN_SOUNDS = 3
CHANGED = 0.1
DIGITS = 5  # of a place
STATE_NAME = "map 1"  # the name of the drawing in the catalog's state; raise it where a drawing is made otherwise
RETRY_S = 60  # after a failure
CLOSE_S = 5


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where those sounds are that are laid out.

    Attributes:
        ids: theirs in the catalog.
        checks: checksums of the fingerprints that they had.
        places: x and y of each.
        kept: what the picture keeps.
        count: how many sounds could have been laid out.
    """

    ids: list[int]
    checks: list[int]
    places: list[list[float]]
    kept: float | None
    count: int


class Map:
    """The map of a catalog, which is drawn in the background."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = Lock()
        self._answer: tuple[Any, str] = (None, "")
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._problem, self._failed_at = "", -float("inf")
        self._is_closed = False

    def close(self) -> None:
        """End what is being drawn."""
        with self._lock:
            self._is_closed = True
            if self._process:
                self._process.kill()
        if self._thread:
            self._thread.join(CLOSE_S)

    def read(self) -> str:
        """Return the map as JSON, with what there is; what is not there yet is begun to be drawn."""
        points = self._catalog.read_points(MAX_SOUNDS)
        is_filled = self._catalog.progress().is_filled
        with self._lock:
            drawing = self._remember()
            drawn, places = _find(drawing, points) if drawing else (np.empty(0, np.int64), np.empty((0, 2)))
            if self._is_due(drawing, len(drawn), points, is_filled=is_filled):
                self._begin(points)
            is_being_drawn = self._thread is not None and self._thread.is_alive()
            key = (points.changed, drawing, is_being_drawn, self._problem)
            if key != self._answer[0]:
                self._answer = key, self._describe(points, drawing, drawn, places, is_being_drawn=is_being_drawn)
            return self._answer[1]

    def _remember(self) -> Drawing | None:
        told = self._catalog.read_state(STATE_NAME)
        return Drawing(**json.loads(told)) if told else None

    def _is_due(self, drawing: Drawing | None, n_drawn: int, points: Points, *, is_filled: bool) -> bool:
        """Whether the collection is another than the one that was drawn."""
        if len(points.ids) < MIN_SOUNDS or self._is_closed or monotonic() - self._failed_at < RETRY_S:
            return False
        if self._thread and self._thread.is_alive():
            return False
        if drawing is None or n_drawn < MIN_SOUNDS:
            return True
        lost = 1 - n_drawn / len(drawing.ids)
        grown = abs(points.n_comparable - drawing.count) / drawing.count
        return is_filled and max(lost, grown) > CHANGED

    def _begin(self, points: Points) -> None:
        if not self._thread:
            self._catalog.call_at_end(self.close)
        self._thread = Thread(target=self._draw, args=(points,), name="map", daemon=True)
        self._thread.start()

    def _draw(self, points: Points) -> None:
        """Lay out the first of some points, and remember that."""
        vectors = points.fingerprints[:MAX_LAID_OUT]
        try:
            places = self._lay_out(vectors)
        except (OSError, ValueError) as error:
            with self._lock:
                self._problem, self._failed_at = f"The map could not be drawn: {error}", monotonic()
            return
        places = places.round(DIGITS)
        drawing = Drawing(
            points.ids[: len(vectors)].tolist(),
            _checks(vectors),
            places.tolist(),
            measure_kept(vectors, places),
            points.n_comparable,
        )
        with self._lock:
            self._problem = ""
            if not self._is_closed:
                self._catalog.write_state(STATE_NAME, json.dumps(asdict(drawing)))

    def _lay_out(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the places of vectors; raise OSError where the process that computes them fails."""
        given = io.BytesIO()
        np.save(given, vectors)
        with self._lock:
            if self._is_closed:
                raise OSError("the page ends")
            self._process = subprocess.Popen(  # noqa: S603  our own module
                command_of("page.similarity.layout"),
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        with self._process as process:
            laid_out, said = process.communicate(given.getvalue())
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise OSError(last or f"its process ended with {process.returncode}")
        places: NDArray[np.float64] = np.load(io.BytesIO(laid_out), allow_pickle=False)
        return places

    def _describe(
        self,
        points: Points,
        drawing: Drawing | None,
        drawn: NDArray[np.int64],
        places: NDArray[np.float64],
        *,
        is_being_drawn: bool,
    ) -> str:
        told = {
            "count": points.count,
            "comparable": points.n_comparable,
            "laid_out": len(drawn),
            "kept": drawing.kept if drawing else None,
            "is_being_drawn": is_being_drawn,
            "problem": self._problem or None,
            "sounds": self._place_all(points, drawn, places) if len(drawn) >= MIN_SOUNDS else [],
        }
        return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def _place_all(self, points: Points, drawn: NDArray[np.int64], places: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Return all sounds with their places; those that are laid out are the first."""
        others = np.setdiff1d(np.arange(len(points.ids)), drawn, assume_unique=True)
        beside = place_beside(points.fingerprints[others], points.fingerprints[drawn], places).round(DIGITS)
        order = np.concatenate([drawn, others])
        ids = points.ids[order].tolist()
        names = self._catalog.read_names(ids)
        values = zip(
            *(ids, np.concatenate([places, beside]).tolist()),
            *(points.durations[order].round(3).tolist(), points.levels[order].round(2).tolist()),
            (points.containers[place] for place in order.tolist()),
            strict=True,
        )
        return [
            _describe_sound(*names[number], place, duration, level, container)
            for number, place, duration, level, container in values
            if number in names
        ]


def _describe_sound(
    uid: str, name: str, place: list[float], duration: float, level: float, container: str
) -> dict[str, Any]:
    return {
        "uid": uid,
        "blob_name": name,
        "x": place[0],
        "y": place[1],
        "duration": duration if np.isfinite(duration) else None,
        "rms_db": level if np.isfinite(level) else None,
        "container": container or None,
        "folder": folder(name),
    }


def _find(drawing: Drawing, points: Points) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which points have a place in a drawing, and their places; not where the fingerprint is another now."""
    held = dict(zip(drawing.ids, zip(drawing.checks, drawing.places, strict=True), strict=True))
    candidates = [position for position, number in enumerate(points.ids.tolist()) if number in held]
    checks = _checks(points.fingerprints[candidates])
    ids = points.ids.tolist()
    found = [position for position, check in zip(candidates, checks, strict=True) if held[ids[position]][0] == check]
    places = np.array([held[ids[position]][1] for position in found], np.float64).reshape(-1, 2)
    return np.array(found, np.int64), places


def _checks(fingerprints: NDArray[np.float32]) -> list[int]:
    return [crc32(fingerprint.tobytes()) for fingerprint in fingerprints]
