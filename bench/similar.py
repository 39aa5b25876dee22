"""Section similar: whether near fingerprints sound alike, and whether a sound is found again after it was changed."""

import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.decoding.recording import open_recording
from analysis.definition import SAME_DISTANCE
from analysis.settings import Settings
from bench import changes, similarity_methods
from bench.labelled_sounds import CHOSEN_ON, QUICK, LabelledSound, collect
from bench.options import Options
from bench.runs import progress
from bench.similarity_methods import Describe, Numbers, Similarity
from bench.table import Table
from bench.unseen_sounds import UNSEEN

type Kinds = dict[str, list[LabelledSound]]
type Samples = NDArray[np.float32]

QUERIES = 120  # sounds of a kind that are changed
SURE = {
    "gain": 0.99,
    "silence": 0.99,
    "MP3, 128": 0.95,
    "8 bit, at full": 0.95,
}  # of them found, by the words of a change
IN_FEW_BITS = "8 bit, however quiet"  # the change that leaves the less of a sound the quieter it is
QUIET_DB = -6  # of full scale: a sound whose peak is below uses less than 7 of 8 bits
COLLECTION = 1500  # sounds, the least among which finding one says something


def measure(options: Options) -> list[Table]:
    """Compare the methods to find sounds of a label, then look for changed sounds by their fingerprints."""
    methods = similarity_methods.load()
    unseen = [] if options.quick else _unseen_tables(options, methods)
    kinds, missing = collect(QUICK if options.quick else CHOSEN_ON, options.cache)
    if not kinds:
        return [Table("Sounds alike", [f"Not measured, there are no packages of sounds here: {missing}"], [], [])]
    samples = {kind: [_analysed(changes.as_it_is(sound)) for sound in sounds] for kind, sounds in kinds.items()}
    rows, precision = _compare(kinds, samples, methods)
    wrong = [
        f"{kind}: precision at 5 is {precision['fingerprint', kind]:.3f}, of {name} {precision[name, kind]:.3f}"
        for name, kind in precision
        if methods[name].in_one_pass
        and name != "fingerprint"
        and precision["fingerprint", kind] <= precision[name, kind]
    ]
    header = ("method", *kinds, "mean")
    alike = Table("Neighbours of the same label", _notes(kinds, missing, methods), header, rows, wrong)
    return [*unseen, alike, *_changes_tables(options, kinds, samples, methods)]


def _unseen_tables(options: Options, methods: dict[str, Similarity]) -> list[Table]:
    """Compare the methods on sounds that nothing was chosen on, as they are and as they come from elsewhere."""
    kinds, missing = collect(UNSEEN, options.cache)
    if not kinds:
        return [Table("Unseen sounds", [f"Not measured, there are no packages of sounds here: {missing}"], [], [])]
    drawn = [
        "The same sounds, each at a level, with silence before and after it and at a sampling rate at random:",
        f"{changes.LOWEST_GAIN_DB} to 0 dB, up to {changes.MOST_SILENCE_S} s, {', '.join(map(str, changes.RATES))} Hz.",
    ]
    tables = []
    for title, change, notes in (
        ("Unseen sounds, as they are", changes.as_it_is, _notes(kinds, missing, methods)),
        ("Unseen sounds, changed at random", changes.at_random, drawn),
    ):
        progress(title)
        samples = {kind: [_analysed(change(sound)) for sound in sounds] for kind, sounds in kinds.items()}
        rows, _ = _compare(kinds, samples, methods)
        tables.append(Table(title, notes, ("method", *kinds, "mean"), rows))
    return tables


def _notes(kinds: Kinds, missing: list[str], methods: dict[str, Similarity]) -> list[str]:
    labels = {(kind, sound.label) for kind, sounds in kinds.items() for sound in sounds}
    return [
        "Precision at 1 / precision at 5 / mean average precision; in the last column the mean of precision at 5.",
        f"{sum(map(len, kinds.values()))} sounds with {len(labels)} labels:",
        f"{'; '.join(_describe(kind, sounds) for kind, sounds in kinds.items())}.",
        "Neighbours are only looked for in other kits, soundfonts, recordings, pieces or games than the sound's own.",
        *([f"Not to be had here: {', '.join(missing)}."] if missing else []),
        *([f"Not installed: {absent}."] if (absent := similarity_methods.names(list(methods))) else []),
    ]


def _describe(kind: str, sounds: Sequence[LabelledSound]) -> str:
    origins, labels = {sound.origin for sound in sounds}, {sound.label for sound in sounds}
    return f"{len(sounds)} {kind} of {len(labels)} labels from {len(origins)} origins"


def _analysed(file: bytes) -> Samples:
    """Return y of a file, as the function decodes it."""
    with tempfile.TemporaryFile() as opened:
        opened.write(file)
        opened.flush()
        return np.concatenate(list(open_recording(opened, Settings())))


def _compare(
    kinds: Kinds, samples: dict[str, list[Samples]], methods: dict[str, Similarity]
) -> tuple[list[list[str]], dict[tuple[str, str], float]]:
    """Return a row for each method, and its precision at 5 for each kind; the mean is that over the kinds."""
    rows, precision = [], {}
    numbers: dict[tuple[Describe, str], Numbers] = {}  # methods that differ in their distances alone share them
    for name, method in methods.items():
        cells = []
        for kind, sounds in kinds.items():
            progress(f"{name}: {kind}")
            key = method.describe, kind
            if key not in numbers:
                numbers[key] = np.array([method.describe(y) for y in samples[kind]])
            at_1, at_5, mean = precision_of(method.distances(numbers[key], numbers[key]), sounds)
            precision[name, kind] = at_5
            cells.append(f"{at_1:.2f} / {at_5:.3f} / {mean:.3f}")
        rows.append([name, *cells, f"{np.mean([precision[name, kind] for kind in kinds]):.3f}"])
    return rows, precision


def precision_of(distances: Numbers, sounds: Sequence[LabelledSound]) -> tuple[float, float, float]:
    """Return precision at 1 and at 5, and mean average precision, of neighbours of other origins."""
    labels, origins = (np.array([getattr(sound, name) for sound in sounds]) for name in ("label", "origin"))
    results = []
    for i, row in enumerate(distances):
        others = np.flatnonzero(origins != origins[i])
        is_alike = labels[others[np.argsort(row[others], kind="stable")]] == labels[i]
        hits = np.flatnonzero(is_alike)
        if len(hits):
            results.append((is_alike[0], is_alike[:5].mean(), (np.arange(1, len(hits) + 1) / (hits + 1)).mean()))
    at_1, at_5, mean = np.mean(results, axis=0)
    return float(at_1), float(at_5), float(mean)


def _changes_tables(
    options: Options, kinds: Kinds, samples: dict[str, list[Samples]], methods: dict[str, Similarity]
) -> list[Table]:
    """Look for changed sounds among all unchanged ones of all kinds."""
    ours, raw = (methods[name] for name in ("fingerprint", "mean_mfccs, Euclidean"))
    originals = [y for kind in kinds for y in samples[kind]]
    collected, raw_collected = (np.array([method.describe(y) for y in originals]) for method in (ours, raw))
    first, rows, near_rows, wrong = 0, {name: [name] for name in changes.CHANGES}, [], []
    own: dict[str, list[float]] = {name: [] for name in changes.CHANGES}
    found: dict[str, list[bool]] = {name: [] for name in changes.CHANGES}
    not_quiet = []
    for kind, sounds in kinds.items():
        chosen = np.random.default_rng(1).permutation(len(sounds))[: 5 if options.quick else QUERIES]
        for name, change in changes.CHANGES.items():
            progress(f"{kind}: {name}")
            changed = [_analysed(change(sounds[i])) for i in chosen]
            distances = ours.distances(np.array([ours.describe(y) for y in changed]), collected)
            is_first = distances.argmin(axis=1) == first + chosen
            own[name] += distances[np.arange(len(chosen)), first + chosen].tolist()
            raw_distances = raw.distances(np.array([raw.describe(y) for y in changed]), raw_collected)
            found[name] += (raw_distances.argmin(axis=1) == first + chosen).tolist()
            rows[name].append(f"{is_first.mean():.1%}")
            if name == IN_FEW_BITS:
                heard = [np.abs(sounds[i].y).max() >= 10 ** (QUIET_DB / 20) for i in chosen]
                not_quiet.append(f"{kind} {is_first[heard].mean():.1%}")
            wrong += [
                f"{kind}: {name}: only {is_first.mean():.1%} of the originals come first, {least:.0%} should"
                for words, least in SURE.items()
                if words in name and is_first.mean() < least and len(collected) >= COLLECTION
            ]
        first += len(sounds)
    for name, row in rows.items():
        row += [f"{np.mean(found[name]):.1%}"]
        near_rows.append([name, *_spread(own[name])])
    others = ours.distances(collected, collected) + np.diag(np.full(len(collected), np.inf))
    near_rows.append(["the nearest other sound, nothing changed", *_spread(others.min(axis=1))])
    notes = [
        f"Of each kind {QUERIES} sounds, changed as a second upload may be, and looked for by their fingerprints among",
        f"all {len(collected)}: how often the unchanged original comes first; in the last column, over all kinds, by",
        "mean_mfccs and Euclidean distance.",
        f"At {IN_FEW_BITS}, of those whose peak reaches {QUIET_DB} dB: {', '.join(not_quiet)}.",
    ]
    near = [
        "Distance between a changed sound and its original, over all kinds: the median, what 95 of 100 stay below, and",
        f"the share within SAME_DISTANCE = {SAME_DISTANCE:g}.",
    ]
    header = ("", "median", "95 of 100", "within SAME_DISTANCE")
    return [
        Table("The same sound, changed", notes, ["change", *kinds, "by mean_mfccs"], list(rows.values()), wrong),
        Table("How far the same sound is", near, header, near_rows),
    ]


def _spread(distances: Sequence[float] | Numbers) -> list[str]:
    median, most = np.quantile(distances, [0.5, 0.95])
    return [f"{median:.2f}", f"{most:.2f}", f"{np.mean(np.less(distances, SAME_DISTANCE)):.1%}"]
