"""The benchmark of similarity measures what it says, on collections that are what it says."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench import scaling, similarity_methods, unseen_sounds
from bench.changes import CHANGES, MOST_SILENCE_S, RATES, as_it_is, at_random
from bench.labelled_sounds import AT_MOST, CHOSEN_ON, LabelledSound, _comparable, _distinct
from bench.packages import unpack
from bench.similar import _analysed, precision_of
from bench.soundfont import DRUMS, KEYS, PERCUSSION, PROGRAMS, _midi, _ticks
from bench.unseen_sounds import AT_LEAST, UNSEEN
from tests.bench.conftest import Benchmark


def sound(label: str = "kick", origin: str = "a kit", seed: int = 0, n: int = 20_000) -> LabelledSound:
    """Noise that dies away."""
    y = np.random.default_rng(seed).standard_normal((n, 2)) * np.exp(-np.arange(n) / 5000)[:, None] * 0.1
    return LabelledSound(label, origin, y.astype(np.float32), 44100)


def test_precision_is_that_of_neighbours_from_elsewhere() -> None:
    """Of a sound's neighbours, those of its own origin do not count, and the others count by their label."""
    sounds = [sound("kick", "a"), sound("kick", "a"), sound("snare", "b"), sound("kick", "b"), sound("snare", "a")]
    distances = np.abs(np.subtract.outer([0.0, 0.1, 1.0, 2.0, 9.0], [0.0, 0.1, 1.0, 2.0, 9.0]))

    at_1, at_5, mean = precision_of(distances, sounds)

    # From elsewhere, nearest first: kick: snare kick; the same; snare: kick kick snare; kick: kick kick snare;
    # snare: kick snare.
    assert at_1 == pytest.approx(1 / 5)
    assert at_5 == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 2 / 3 + 1 / 2) / 5)
    assert mean == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 + 1 / 2) / 5)


def test_sounds_that_differ_in_level_only_are_one() -> None:
    """A hit that is another made quieter or later is left out, and so is what is more than a kit's share."""
    hit, other = sound(), sound(seed=1)
    quieter = LabelledSound(
        hit.label, hit.origin, np.concatenate([np.zeros((441, 2), np.float32), hit.y * 0.1]), hit.sr
    )

    assert _distinct([hit, quieter, other]) == [hit, other]
    assert len(_distinct([sound(seed=seed) for seed in range(AT_MOST + 5)])) == AT_MOST


def test_labels_of_one_origin_are_left_out() -> None:
    """A label needs two origins, else there is no neighbour to be found."""
    sounds = [sound("kick", "a"), sound("kick", "b"), sound("gong", "a"), sound("gong", "a")]

    assert _comparable(sounds) == sounds[:2]


@pytest.mark.parametrize("name", CHANGES)
def test_changes_make_files_that_the_function_reads(name: str) -> None:
    """Every change makes another file of nearly the same sound."""
    file = CHANGES[name](sound())

    y = _analysed(file)

    assert file != as_it_is(sound())
    assert np.abs(y).max() > 0.005
    assert (len(y) > 12_000) == ("silence" in name)
    assert (len(y) < 6000) == ("half" in name)


def test_changes_change_what_they_say() -> None:
    """Gain, bits and silence are those of their names."""
    original, quiet, coarse, late = (
        soundfile.read(io.BytesIO(change(sound())))[0]
        for change in (
            as_it_is,
            CHANGES["gain -12 dB, 16 bit"],
            CHANGES["8 bit, however quiet"],
            CHANGES["0.37 s of silence before"],
        )
    )

    np.testing.assert_allclose(quiet, original * 10 ** (-12 / 20), atol=1e-4)
    np.testing.assert_allclose(coarse, original, atol=1 / 127)
    assert len(np.unique(coarse)) < 256
    assert not late[:16_000].any()
    np.testing.assert_allclose(late[-len(original) :], original, atol=1e-4)


def test_divergence_is_kullback_and_leibler_s() -> None:
    """The symmetrised divergence of two normal distributions, by its formula."""
    rng, n = np.random.default_rng(0), similarity_methods.N_TIMBRE
    means, roots = rng.normal(size=(2, n)), rng.normal(size=(2, n, 3 * n))
    covariances = roots @ roots.transpose(0, 2, 1) / n
    numbers = np.concatenate([means, covariances.reshape(2, -1)], axis=1)

    computed = similarity_methods._kullback_leibler(numbers, numbers)

    inverse, difference = np.linalg.inv(covariances), means[0] - means[1]
    traces = np.trace(inverse[0] @ covariances[1]) + np.trace(inverse[1] @ covariances[0]) - 2 * n
    assert computed[0, 1] == pytest.approx(traces + difference @ (inverse[0] + inverse[1]) @ difference)
    assert computed[0, 0] == pytest.approx(0, abs=1e-9)


def test_midi_plays_every_note() -> None:
    """Times are MIDI's variable-length quantities, and each note begins and ends."""
    assert [_ticks(n) for n in (0, 127, 128, 200, 16_383)] == [b"\0", b"\x7f", b"\x81\0", b"\x81\x48", b"\xff\x7f"]
    midi = _midi(PROGRAMS, KEYS)
    assert struct.unpack(">I", midi[18:22]) == (len(midi) - 22,)
    assert midi.count(bytes([0x80, KEYS[0], 0])) == len(PROGRAMS)
    assert midi.count(b"\x90") == midi.count(b"\xff\x2f\0") * len(PROGRAMS) * len(KEYS)


def test_drums_are_played_on_the_channel_of_drums() -> None:
    """General MIDI's drums are the keys of channel 10, which MIDI counts as 9."""
    midi = _midi([0], PERCUSSION, DRUMS)

    for key in PERCUSSION:
        assert bytes([0x99, key, 100]) in midi
        assert bytes([0x89, key, 0]) in midi


def test_unseen_sounds_are_in_no_other_collection() -> None:
    """Of the packages of unseen sounds none was used to choose or to scale anything of the fingerprint."""
    unseen, chosen_on = (
        {package for packages, _ in collections.values() for package in packages} for collections in (UNSEEN, CHOSEN_ON)
    )

    assert len(unseen) > 10
    assert not unseen & (chosen_on | set(scaling.PACKAGES))


def test_words_have_the_label_of_their_language(tmp_path: Path) -> None:
    """A stamp's file says its language, which is the label; each word is an origin; a few words are no speaker."""
    words = [f"{number}_desc{ending}" for number in range(AT_LEAST) for ending in ("", "_fr")]
    for word in [*words, "1_desc_lt", "cow"]:
        soundfile.write(tmp_path / f"{word}.wav", sound().y, 44100)

    read = list(unseen_sounds._voices(tmp_path))

    assert sorted((word.label, word.origin) for word in read) == sorted(
        ("fr" if word.endswith("fr") else "en", word) for word in words
    )
    assert {word.sr for word in read} == {16000}


def test_level_silence_and_rate_are_drawn_at_random() -> None:
    """A sound is changed the same way each time, and another one otherwise."""
    one, again, other = (at_random(sound(seed=seed)) for seed in (0, 0, 1))

    assert one == again
    (y, sr), (z, other_sr) = (soundfile.read(io.BytesIO(file)) for file in (one, other))
    assert {sr, other_sr} <= set(RATES)
    assert np.abs(y).max() != pytest.approx(np.abs(z).max(), rel=0.05)
    for changed, rate in ((y, sr), (z, other_sr)):
        heard = np.flatnonzero(np.abs(changed).max(axis=1) > 1e-3)
        assert heard[0] / rate > 0.01
        assert (len(changed) - heard[-1]) / rate > 0.01
        assert len(changed) / rate - 20_000 / 44100 < 2 * MOST_SILENCE_S


@pytest.mark.usefixtures("apt_get")
def test_a_package_that_is_not_to_be_had_is_none(tmp_path: Path) -> None:
    """What Debian does not have is told from what is there, and leaves nothing behind."""
    assert unpack("no-such-package-of-sounds", tmp_path) is None
    assert list((tmp_path / "packages").iterdir()) == []


@pytest.mark.usefixtures("apt_get")
def test_tables_of_a_quick_try(benchmark: Benchmark) -> None:
    """One command fetches a drum kit and prints how its sounds are found, by their fingerprints better than raw."""
    _, (alike, *changed) = benchmark("similar")
    if not changed:
        pytest.skip(alike["notes"][0])

    precision = {row[0]: float(row[1].split(" / ")[1]) for row in alike["rows"]}
    found = {row[0]: row[1:] for row in changed[0]["rows"]}
    assert precision["fingerprint"] > precision["mean_mfccs, Euclidean"]
    assert found["gain -24 dB, 16 bit"] == ["100.0%", "0.0%"]
    assert found.keys() == CHANGES.keys()
    assert [row[0] for row in changed[1]["rows"]] == [*CHANGES, "the nearest other sound, nothing changed"]
