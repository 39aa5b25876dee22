"""A sound as WAV, for browsers that do not play its format."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from analysis.definition import SR
from bench.documents import make_document
from page.media import wav
from tests.fakes.synthetic import encode, encode_with_ffmpeg, tone
from tests.page import sample_sounds
from tests.page.served_page import Page

FILES = {
    "AIFF": lambda: encode(tone(2.0), container="AIFF"),
    "ALAC": lambda: encode_with_ffmpeg(tone(2.0), 44100, "ipod", "alac"),
    "24-bit AIFF": lambda: encode(tone(2.0), container="AIFF", codec="PCM_24"),
    "mono CAF": lambda: encode(tone(2.0, 22050, 1), 22050, container="CAF"),
}


@pytest.fixture
def convert(shared: Page) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Put a file into the bucket, and return the address of it as WAV, and its document."""

    def insert(name: str, content: bytes, stored: bytes = b"", **fields: Any) -> tuple[str, dict[str, Any]]:
        about = sample_sounds.analyse(content) | sample_sounds.upload(shared.bucket, name, stored or content)
        document = make_document(name, **about | fields)
        shared.insert(document)
        return f"/sounds/{document['uid']}/audio?as=wav", document

    return insert


def test_a_wav_has_the_samples_of_the_file(
    shared: Page, convert: Callable[..., tuple[str, dict[str, Any]]], subtests: pytest.Subtests
) -> None:
    """Whole, it is a WAV with the rate, the channels and the samples of the file, of the size that it says."""
    for name, make in FILES.items():
        with subtests.test(name):
            content = make()
            answer, body = shared.ask(convert(f"whole {name}", content)[0])
            y, rate = soundfile.read(io.BytesIO(body), dtype="int16", always_2d=True)
            expected = tone(2.0, rate, y.shape[1])

            assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
            assert int(answer.headers["content-length"]) == len(body)
            assert y.shape == expected.shape
            assert rate == (22050 if "mono" in name else 44100)
            assert np.abs(y / 32767 - expected).max() < 3e-4


def test_a_range_is_a_part_of_the_whole(shared: Page, convert: Callable[..., tuple[str, dict[str, Any]]]) -> None:
    """Each range has the bytes that the whole has there, also within a sample and across the header's end."""
    for name in ("AIFF", "ALAC"):
        address, _ = convert(f"ranges {name}", FILES[name]())
        _, whole = shared.ask(address)
        for first, last in ((0, 0), (0, 43), (40, 60), (44, 44), (45, 5000), (100_001, 100_007), (352_000, 999_999)):
            answer, body = shared.ask(address, Range=f"bytes={first}-{last}")
            assert answer.status == 206
            assert answer.headers["content-range"] == f"bytes {first}-{min(last, len(whole) - 1)}/{len(whole)}"
            assert body == whole[first : last + 1], (name, first, last)
        assert shared.ask(address, Range=f"bytes={len(whole)}-")[0].status == 416
        assert shared.ask(address, "HEAD")[0].headers["content-length"] == str(len(whole))


def test_what_cannot_be_sought_in_is_heard_as_analysed(
    shared: Page, convert: Callable[..., tuple[str, dict[str, Any]]]
) -> None:
    """Of a compressed object, a damaged file and a rate that no browser plays, the signal of the analysis comes."""
    content = encode(tone(2.0), container="AIFF")
    damaged = {"container": "AIFF", "codec": "PCM_16", "sample_rate": 44100, "channels": 2, "complete": False}
    slow = encode(tone(2.0, 3000, 1), 3000, container="AIFF")
    for name, (address, document) in {
        "damaged": convert("damaged.aiff", content, source=damaged),
        "slow": convert("slow.aiff", slow),
        "packed": convert("packed.aiff", content, gzip.compress(content)),
    }.items():
        _, whole = shared.ask(address)
        y, rate = soundfile.read(io.BytesIO(whole), always_2d=True)
        assert (rate, y.shape) == (SR, (document["length"], 1)), name
        assert np.abs(y).max() > 0.2
        assert shared.ask(address, Range="bytes=30001-30010")[1] == whole[30001:30011]


def test_silence_takes_the_place_of_what_is_missing() -> None:
    """A range has all of its bytes whatever the decoder gives: silence where it lacks, nothing beyond the length."""

    class Given:
        sample_rate, channels, n_samples = 8000, 1, 10.0

        def read(self, start: int) -> Any:
            yield np.full((10 - start, 1), 7, np.int16)

    header = wav.make_header(8000, 1, 44 + 24)
    assert b"".join(wav._read(Given(), header, 1, range(44, 68))) == b"\7\0" * 10 + bytes(4)
    assert b"".join(wav._read(Given(), header, 1, range(46, 54))) == b"\7\0" * 4


def test_more_than_two_channels_become_one() -> None:
    """They are mixed as in the analysis; one and two stay, and full scale stays full scale."""
    six = np.array([[6, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 9]], np.int16)
    assert wav.to_int16(six, 1).tolist() == [[1], [4]]
    loud = np.array([[1.5, -1.5], [1, -1], [np.nan, 0.5]], np.float32)
    assert wav.to_int16(loud, 2).tolist() == [[32767, -32767], [32767, -32767], [0, 16384]]


def test_only_wav_is_converted_to(shared: Page, convert: Callable[..., tuple[str, dict[str, Any]]]) -> None:
    """Another format is refused, with what is accepted."""
    address, _ = convert("formats.aiff", FILES["AIFF"]())
    answer, body = shared.ask(address.replace("as=wav", "as=exe"), Accept="application/json")

    assert answer.status == 400
    assert "as=wav" in json.loads(body)["advice"]


def test_a_document_without_a_length_is_told(shared: Page) -> None:
    """Whatever somebody has written into a document, the answer says what is wrong with it."""
    for number, length in enumerate((None, "long", -1, 0, 2**60)):
        content = FILES["AIFF"]()
        document = make_document(f"{number}.aiff", **sample_sounds.upload(shared.bucket, f"{number}.aiff", content))
        shared.insert(document | {"length": length})
        address = f"/sounds/{document['uid']}/audio?as=wav"
        assert shared.ask(address, Accept="application/json")[0].status == 422
