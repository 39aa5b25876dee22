"""Collections of sounds with labels, from packages: which sounds are of one kind, and where each is from.

*Conventions.* A label is what sounds alike; an origin is a kit, a soundfont, a recording, a soundtrack's piece or a
game, and neighbours are only looked for in other origins. CHOSEN_ON has the sounds by which the form of the fingerprint
was chosen, though not its constants; `bench/unseen_sounds.py` has others.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import librosa
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench import soundfont
from bench.packages import find_sounds, unpack, unpack_npm
from bench.runs import progress

EXCERPT_S = 10
AT_MOST = 16  # sounds of a label from one origin: a kit's forty snares would be nobody's neighbours
SAME_WAVEFORM = 0.97  # correlation, whatever the gain: kits have hits that are others made quieter

DRUMS = {  # by what their files are called, the first that fits
    "cowbell": r"cowbell|agogo|_cb|^cb",
    "clap": r"clap",
    "tom": r"tom|^ft_|^t\d_|^tm\d?_",
    "ride": r"ride|bell|^rd\d?_|^rc_",
    "crash": r"crash|splash|china|^cc_|^cra_|cymbal",
    "open hi-hat": r"hat.?open|open.?hat|semi.?open|ohh|hhopen|^ho_|hat_op|hat \d op",
    "closed hi-hat": r"hat.?clos|chh|hhclosed|hhpedal|hat.?pedal|pedalhihat|hat.?foot|hat_cl|hat \d (cl|pd)|^hh_",
    "rim": r"stick|^rim|rim_",
    "snare": r"snare|^sd_|^sn\d?_|sn_",
    "kick": r"kick|bd_|bassdrum|_k_|^bd",
}
EFFECTS = {
    "explosion": r"explo|boom|blast|bomb",
    "water": r"splash|water|swim",
    "shot": r"shot|shoot|gun|fire|rifle",
    "steps": r"step|walk",
    "jump": r"jump|hop|bounce",
    "blade": r"sword|blade|slash|knife",
    "hit": r"hit|hurt|punch|impact",
    "laser": r"laser|zap|beam|plasma",
    "click": r"click|tick|button|switch",
    "breaking": r"glass|break|crack|shatter",
    "coin": r"coin|gold|money|pickup|bonus",
}
FONTS = ("fluid-soundfont-gm", "timgm6mb-soundfont", "csound-soundfont")
PROMPTS = tuple(f"asterisk-core-sounds-{language}-g722" for language in ("en", "es", "fr", "it", "ru"))
WORDS = ("ktuberling-data", "klettres-data")
MUSIC = ("hyperrogue-music", "singularity-music", "warzone2100-music", "colobot-common-sounds", "freedroidrpg-data")
GAMES = (
    *("alienblaster-data", "bzflag-data", "chromium-bsu-data", "endless-sky-data", "extremetuxracer-data"),
    *("freedink-data", "freedroidrpg-data", "frozen-bubble-data", "hedgewars-data", "holotz-castle-data"),
    *("kobodeluxe-data", "lbreakout2-data", "lugaru-data", "minetest-data", "pathological", "pingus-data"),
    *("supertux-data", "teeworlds-data", "xblast-tnt-sounds"),
)


NPM = "tonejs-"  # packages of that name are npm's, all others Debian's


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSound:
    """A sound that is known to sound like others.

    Attributes:
        label: the others' and its own.
        origin: where neighbours are not to be looked for.
        y: samples [shape=(n, channels)], float32.
        sr: Hz.
    """

    label: str
    origin: str
    y: NDArray[np.float32]
    sr: int


type Collections = dict[str, tuple[Sequence[str], Callable[[Path], Iterator[LabelledSound]]]]


def collect(collections: Collections, cache: Path) -> tuple[dict[str, list[LabelledSound]], list[str]]:
    """Return the sounds of each kind, and the packages that are not to be had."""
    missing, kinds = [], {}
    for kind, (packages, sounds_of) in collections.items():
        sounds: list[LabelledSound] = []
        for package in packages:
            directory = unpack_npm(package, cache) if package.startswith(NPM) else unpack(package, cache)
            if directory is None:
                missing.append(package)
                continue
            progress(f"reading {package}")
            try:
                sounds += sounds_of(directory)
            except ImportError as error:
                missing.append(f"{error.name} of PyPI, for {package}")
        kinds[kind] = _comparable(_distinct(sounds))
    return {kind: sounds for kind, sounds in kinds.items() if sounds}, missing


def _drums(package: Path) -> Iterator[LabelledSound]:
    for path in find_sounds(package):
        label = _named(path, DRUMS)
        if label and path.parent.parent.name == "drumkits":
            yield from read(path, label, path.parent.name)


def read_notes(package: Path) -> Iterator[LabelledSound]:
    """Yield notes of the instruments of a soundfont, of which its General MIDI program is the label."""
    path = soundfont.find(package)
    for program, _, y, sr in soundfont.render(path):
        yield LabelledSound(f"program {program}", package.name, y, sr)


def _voices(package: Path) -> Iterator[LabelledSound]:
    """Yield words of a speaker, each of which is an origin.

    All are at 16 kHz and without the silence around: neither a file's format nor a session's pauses tell who speaks.
    """
    by_speaker: dict[str, list[Path]] = defaultdict(list)
    for path in [*find_sounds(package), *sorted(package.rglob("*.g722"))]:
        folder = re.search(r"/(?:ktuberling/sounds|klettres)/(\w+)", str(path))
        if folder or (path.suffix == ".g722" and "silence" not in str(path) and path.stat().st_size > 4000):
            by_speaker[folder[1] if folder else "prompts"].append(path)
    for speaker, paths in sorted(by_speaker.items()):
        if len(paths) < 10:
            continue
        for path in np.random.default_rng(0).permutation(np.array(paths, object))[:30]:
            for sound in read(path, f"{package.name} {speaker}", str(path)):
                yield trim_word(sound)


def trim_word(sound: LabelledSound) -> LabelledSound:
    """Return a word at 16 kHz, without the silence around it."""
    y = sound.y if sound.sr <= 16000 else soxr.resample(sound.y, sound.sr, 16000)
    _, (start, end) = librosa.effects.trim(y.mean(axis=1), top_db=40, frame_length=512, hop_length=128)
    return replace(sound, y=y[start:end], sr=min(sound.sr, 16000))


def read_music(package: Path) -> Iterator[LabelledSound]:
    """Yield three excerpts of each piece of a soundtrack, which is the label."""
    pieces = [path for path in find_sounds(package) if path.stat().st_size > 400_000]
    for path in pieces[:25]:
        for start_s in (15, 45, 75):
            yield from read(path, package.name, str(path), start_s)


def read_effects(package: Path) -> Iterator[LabelledSound]:
    """Yield sounds of a game, whose file names give the label."""
    for path in find_sounds(package):
        label = _named(path, EFFECTS)
        if label and not re.search("voice|speech|vo_|music", str(path.relative_to(package)).lower()):
            yield from read(path, label, package.name)


def _named(path: Path, labels: dict[str, str]) -> str | None:
    return next((label for label, names in labels.items() if re.search(names, path.stem.lower())), None)


def read(path: Path, label: str, origin: str, start_s: float = 0) -> Iterator[LabelledSound]:
    """Yield the sound of a file, at most EXCERPT_S of it, unless it is silent, too short or broken."""
    try:
        y, sr = _decode(path, start_s)
    except (av.FFmpegError, soundfile.LibsndfileError, ValueError):
        return
    peak = np.abs(y).max(initial=0)
    if len(y) > 0.02 * sr and peak > 1e-3:
        # A few are floats far above full scale, which the change to 16 bit would clip.
        yield LabelledSound(label, origin, y[:, :2] / max(1, peak), sr)


def _decode(path: Path, start_s: float) -> tuple[NDArray[np.float32], int]:
    try:
        with soundfile.SoundFile(path) as sound:
            sound.seek(min(sound.frames, round(start_s * sound.samplerate)))
            return sound.read(EXCERPT_S * sound.samplerate, "float32", always_2d=True), sound.samplerate
    except soundfile.LibsndfileError:
        pass  # g722 and WavPack are ffmpeg's
    with av.open(path, format="g722" if path.suffix == ".g722" else None) as container:
        to_floats = av.AudioResampler(format="fltp")
        decoded = [part for frame in container.decode(audio=0) for part in to_floats.resample(frame)]
        sr = decoded[0].sample_rate
        y = np.concatenate([part.to_ndarray() for part in decoded], axis=1).T.astype(np.float32)
    return y[round(start_s * sr) :][: EXCERPT_S * sr], sr


def _distinct(sounds: list[LabelledSound]) -> list[LabelledSound]:
    """Leave out what is another sound of its label at another level, and what is more than AT_MOST."""
    heads: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for sound in sounds:
        head, others = _head(sound), heads[sound.label]
        if counts[sound.label, sound.origin] < AT_MOST and all(head @ other < SAME_WAVEFORM for other in others):
            counts[sound.label, sound.origin] += 1
            others.append(head)
            kept.append(sound)
    return kept


def _head(sound: LabelledSound) -> NDArray[np.float32]:
    """Return the first fifth of a second from the onset on, at 16 kHz, as a vector of length 1."""
    y = soxr.resample(sound.y[: 2 * sound.sr].mean(axis=1), sound.sr, 16000)
    onset = int(np.argmax(np.abs(y) > 0.05 * np.abs(y).max()))
    head = np.zeros(3200, np.float32)
    head[: len(y) - onset] = y[onset : onset + len(head)]
    return head / max(float(np.linalg.norm(head)), 1e-9)


def _comparable(sounds: list[LabelledSound]) -> list[LabelledSound]:
    """Leave out labels of one origin, whose sounds have no neighbours to be found."""
    origins = Counter(label for label, _ in {(sound.label, sound.origin) for sound in sounds})
    return [sound for sound in sounds if origins[sound.label] > 1]


CHOSEN_ON: Collections = {
    "drums": (("hydrogen-data", "hydrogen-drumkits"), _drums),
    "instruments": (FONTS, read_notes),
    "voices": ((*PROMPTS, *WORDS), _voices),
    "music": (MUSIC, read_music),
    "effects": (GAMES, read_effects),
}
QUICK: Collections = {"drums": (("hydrogen-data",), _drums)}
