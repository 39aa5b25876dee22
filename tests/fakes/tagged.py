"""Files of every kind of tag, each made byte by byte or by a library that shares no code with ours."""

import io
import struct
from collections.abc import Callable

import soundfile

from tests.fakes.containers import chunk_of_caf, pcm, riff
from tests.fakes.ogg_pages import make_page, seal
from tests.fakes.synthetic import encode, encode_with_ffmpeg, speex, tone

TAGS = {"title": "Straße №1", "artist": "Künstlerin", "album": "Album", "date": "2026-11-28", "comment": "außen, Wind"}
FRAMES = {
    2: {"title": b"TT2", "artist": b"TP1", "album": b"TAL", "date": b"TYE", "comment": b"COM"},
    3: {"title": b"TIT2", "artist": b"TPE1", "album": b"TALB", "date": b"TYER", "comment": b"COMM"},
    4: {"title": b"TIT2", "artist": b"TPE1", "album": b"TALB", "date": b"TDRC", "comment": b"COMM"},
}
ENCODINGS = {0: "cp1252", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
Y = tone(0.2, 44100)
PICTURE_BYTES = 300_000  # more than a page of Ogg


def synchsafe(number: int) -> bytes:
    """A number in four bytes of 7 bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def text_of(text: str, encoding: int) -> bytes:
    """A text as a frame of ID3 holds it."""
    return bytes([encoding]) + text.encode(ENCODINGS[encoding])


def comment_of(text: str, encoding: int, description: str = "") -> bytes:
    """A comment as a frame of ID3 holds it."""
    end = bytes(2 if encoding in (1, 2) else 1)
    code = ENCODINGS[encoding]
    return bytes([encoding]) + b"deu" + description.encode(code) + end + text.encode(code)


def frame(version: int, name: bytes, content: bytes, flags: int = 0) -> bytes:
    """A frame of ID3v2."""
    if version == 2:
        return name + len(content).to_bytes(3) + content
    size = synchsafe(len(content)) if version == 4 else len(content).to_bytes(4)
    return name + size + flags.to_bytes(2) + content


def id3(version: int, *frames: bytes, flags: int = 0, padding: int = 20) -> bytes:
    """A tag of ID3v2."""
    content = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(content)) + content


def whole_id3(version: int, encoding: int, tags: dict[str, str] = TAGS) -> bytes:
    """A tag of ID3v2 with all that we read, behind a picture and a comment of a program's."""
    names = FRAMES[version]
    picture = frame(version, {2: b"PIC"}.get(version, b"APIC"), bytes(PICTURE_BYTES))
    own = frame(version, names["comment"], comment_of("000003E8", encoding, "iTunNORM"))
    texts = [
        frame(version, names[name], comment_of(text, encoding) if name == "comment" else text_of(text, encoding))
        for name, text in tags.items()
    ]
    return id3(version, picture, own, *texts)


def id3v1(**tags: str) -> bytes:
    """A tag of ID3v1."""
    widths = {"title": 30, "artist": 30, "album": 30, "date": 4, "comment": 30}
    return b"TAG" + b"".join(tags.get(name, "").encode("cp1252").ljust(n, b"\0") for name, n in widths.items()) + b"\1"


def comments(tags: dict[str, str], *first: bytes) -> bytes:
    """Vorbis comments; those of ``first`` come first, as they are."""
    texts = [*first, *(f"{name.title()}={text}".encode() for name, text in tags.items())]
    sized = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack("<I", 4) + b"test" + struct.pack("<I", len(texts)) + sized


PICTURE = b"METADATA_BLOCK_PICTURE=" + b"A" * PICTURE_BYTES


def flac(content: bytes, *, before: bytes = b"") -> bytes:
    """A FLAC whose only comments are these, behind a picture."""
    file = encode(Y, container="FLAC")
    place, info = 4, b""
    while True:
        kind, n_bytes = file[place], int.from_bytes(file[place + 1 : place + 4])
        if kind & 0x7F == 0:
            info = file[place + 4 : place + 4 + n_bytes]
        place += 4 + n_bytes
        if kind & 0x80:
            break
    picture = b"\6" + PICTURE_BYTES.to_bytes(3) + bytes(PICTURE_BYTES)
    blocks = b"\0" + len(info).to_bytes(3) + info + picture + b"\x84" + len(content).to_bytes(3) + content
    return before + b"fLaC" + blocks + file[place:]


def speex_with(content: bytes) -> bytes:
    """A Speex file with these comments, which go on for several pages."""
    head, _, sound = (bytes(page) for page in _three_pages(speex([b"\x07"] * 25, 4000)))
    pages, place, number = [head], 0, 1
    sizes = [255] * (len(content) // 255) + [len(content) % 255]
    while sizes:
        own, sizes = sizes[:255], sizes[255:]
        n_bytes = sum(own)
        page = b"OggS" + struct.pack("<BBqIIIB", 0, int(number > 1), 0, 1, number, 0, len(own)) + bytes(own)
        pages.append(bytes(seal(bytearray(page + content[place : place + n_bytes]))))
        place, number = place + n_bytes, number + 1
    last = make_page(number, 4, 4000, [b"\x07"] * 25)
    return b"".join([*pages, last]) if sound else b""


def _three_pages(content: bytes) -> list[bytes]:
    first, second, third = (at for at in range(len(content)) if content.startswith(b"OggS", at))
    return [content[first:second], content[second:third], content[third:]]


def by_libsndfile(container: str, codec: str) -> bytes:
    """A file whose tags libsndfile writes."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48000, 2, codec, format=container) as sound:
        for name, text in TAGS.items():
            setattr(sound, name, text)
        sound.write(tone(0.2, 48000))
    return file.getvalue()


def info(tags: dict[str, str], encoding: str = "utf-8") -> tuple[bytes, bytes]:
    """The chunk of a WAV that holds its texts."""
    names = {"title": b"INAM", "artist": b"IART", "album": b"IPRD", "date": b"ICRD", "comment": b"ICMT"}
    content = b"INFOISFT" + struct.pack("<I", 6) + b"maker\0"
    for name, text in tags.items():
        encoded = text.encode(encoding) + b"\0"
        content += names[name] + struct.pack("<I", len(encoded)) + encoded + bytes(len(encoded) % 2)
    return b"LIST", content


def bext(date: str, time: str, description: str = "") -> tuple[bytes, bytes]:
    """The chunk of a Broadcast Wave that tells of its origin."""
    texts = [(description, 256), ("recorder", 32), ("reference", 32), (date, 10), (time, 8)]
    return b"bext", b"".join(text.encode("latin-1").ljust(n, b"\0") for text, n in texts) + bytes(264)


def aiff(*chunks: tuple[bytes, bytes]) -> bytes:
    """An AIFF with more chunks, at its end."""
    file = encode(Y, container="AIFF")
    more = b"".join(name + len(content).to_bytes(4) + content + bytes(len(content) % 2) for name, content in chunks)
    return b"FORM" + (len(file) - 8 + len(more)).to_bytes(4) + file[8:] + more


def caf_with(tags: dict[str, str]) -> bytes:
    """A CAF with Apple's names of its texts, before its data."""
    file = encode(Y, container="CAF")
    texts = b"".join(f"{name}\0{text}\0".encode() for name, text in tags.items())
    chunk = chunk_of_caf(b"info", struct.pack(">I", len(tags)) + texts)
    at = file.index(b"data")
    return file[:at] + chunk + file[at:]


def by_ffmpeg(container: str, codec: str, bit_rate: int | None = 96_000, **muxing: str) -> Callable[[], bytes]:
    """A file whose tags ffmpeg writes."""
    return lambda: encode_with_ffmpeg(
        tone(0.2, 44100), 44100, container, codec, bit_rate, metadata=TAGS | {"encoder": "x"}, **muxing
    )


MP3 = encode(Y, 44100, "MP3", "MPEG_LAYER_III")
YEAR = TAGS | {"date": "2026"}
LATIN = YEAR | {"title": "Straße"}
SHORT = {"title": "Straße", "artist": "Künstlerin", "album": "Album", "date": "2026", "comment": "außen, Wind"}
# By name: how a file is made, and the tags that it has.
TAGGED: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "MP3 with ID3v1": (lambda: MP3 + id3v1(**SHORT), SHORT),
    "MP3 with ID3v2.2 in Latin-1": (lambda: whole_id3(2, 0, LATIN) + MP3, LATIN),
    "MP3 with ID3v2.2 in UTF-16": (lambda: whole_id3(2, 1) + MP3, TAGS),
    "MP3 with ID3v2.3 in Latin-1": (lambda: whole_id3(3, 0, LATIN) + MP3, LATIN),
    "MP3 with ID3v2.3 in UTF-16": (lambda: whole_id3(3, 1) + MP3, TAGS),
    "MP3 with ID3v2.4 in UTF-16 without mark": (lambda: whole_id3(4, 2) + MP3, TAGS),
    "MP3 with ID3v2.4 in UTF-8": (lambda: whole_id3(4, 3) + MP3, TAGS),
    "MP3 with both, each with a part": (
        lambda: whole_id3(4, 3, {"title": "long title"}) + MP3 + id3v1(title="short", artist="Künstlerin"),
        {"title": "long title", "artist": "Künstlerin"},
    ),
    "MP3 by ffmpeg": (by_ffmpeg("mp3", "libmp3lame"), TAGS),
    "FLAC behind a picture": (lambda: flac(comments(TAGS)), TAGS),
    "FLAC behind an ID3 tag": (lambda: flac(comments(TAGS), before=whole_id3(3, 1, {"title": "other"})), TAGS),
    "FLAC by libsndfile": (lambda: by_libsndfile("FLAC", "PCM_16"), TAGS),
    "FLAC by ffmpeg": (by_ffmpeg("flac", "flac"), TAGS),
    "Vorbis by libsndfile": (lambda: by_libsndfile("OGG", "VORBIS"), TAGS),
    "Opus by libsndfile": (lambda: by_libsndfile("OGG", "OPUS"), TAGS),
    "FLAC in Ogg by ffmpeg": (by_ffmpeg("ogg", "flac"), TAGS),
    "Speex behind a picture": (lambda: speex_with(comments(TAGS, PICTURE)), TAGS),
    "WAV with INFO": (lambda: riff(*pcm(Y, 44100), info(TAGS)), TAGS),
    "WAV with INFO in Latin-1, before its data": (lambda: riff(info(LATIN, "cp1252"), *pcm(Y, 44100)), LATIN),
    "WAV by libsndfile": (lambda: by_libsndfile("WAV", "PCM_16"), TAGS),
    "WAV with an ID3 chunk": (lambda: riff(*pcm(Y, 44100), (b"id3 ", whole_id3(3, 1))), TAGS),
    "WAV of MP2 with INFO, which ffmpeg reads": (by_ffmpeg("wav", "mp2"), TAGS),
    "Broadcast Wave": (
        lambda: riff(bext("2026:11:28", "10-30-00", "Szene 4"), *pcm(Y, 44100), info({"title": "Take 2"})),
        {"title": "Take 2", "comment": "Szene 4", "origination_time": "2026-11-28 10:30:00"},
    ),
    "Broadcast Wave of RF64": (
        lambda: riff(bext("2026-11-28", "10:30:00"), *pcm(Y, 44100)),
        {"origination_time": "2026-11-28 10:30:00"},
    ),
    "AIFF": (
        lambda: aiff((b"NAME", b"Stra\xc3\x9fe"), (b"AUTH", b"K\xfcnstlerin"), (b"ANNO", b"first"), (b"ANNO", b"next")),
        {"title": "Straße", "artist": "Künstlerin", "comment": "first"},
    ),
    "AIFF with an ID3 chunk": (lambda: aiff((b"ID3 ", whole_id3(3, 1))), TAGS),
    "CAF": (
        lambda: caf_with({"title": "T", "artist": "A", "album": "B", "recorded date": "2026", "comments": "C"}),
        {"title": "T", "artist": "A", "album": "B", "date": "2026", "comment": "C"},
    ),
    "M4A": (by_ffmpeg("ipod", "aac"), TAGS),
    "MOV": (by_ffmpeg("mov", "pcm_s16be", None), TAGS),
    "MKV": (by_ffmpeg("matroska", "flac", None), TAGS),
    "WebM": (lambda: encode_with_ffmpeg(tone(0.2, 48000), 48000, "webm", "libopus", metadata=TAGS), TAGS),
    "WMA": (by_ffmpeg("asf", "wmav2"), TAGS),
    "WavPack with APEv2": (by_ffmpeg("wv", "wavpack", None), TAGS),
    "TTA with APEv2": (by_ffmpeg("tta", "tta", None), TAGS),
    "AVI": (by_ffmpeg("avi", "pcm_s16le", None), TAGS),
    "FLV": (by_ffmpeg("flv", "aac"), TAGS),
    "AAC with ID3v2.4": (lambda: whole_id3(4, 3) + encode_with_ffmpeg(tone(0.5, 48000), 48000, "adts", "aac"), TAGS),
    "no tags": (lambda: riff(*pcm(Y, 44100)), {}),
}
