"""Ogg files in pages: cut, changed, and made."""

import struct


def pages_of(content: bytes) -> list[bytearray]:
    """Cut an Ogg file into its pages; what is no page is the last."""
    pages, place = [], 0
    while content.startswith(b"OggS", place) and place + 27 <= len(content):
        n_segments = content[place + 26]
        end = place + 27 + n_segments + sum(content[place + 27 : place + 27 + n_segments])
        pages.append(bytearray(content[place:end]))
        place = end
    return [*pages, bytearray(content[place:])] if place < len(content) else pages


def table() -> list[int]:
    """Ogg's CRC-32 of each byte."""
    values = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        values.append(crc & 0xFFFFFFFF)
    return values


TABLE = table()


def seal(page: bytearray) -> bytearray:
    """Give a changed page its right checksum."""
    page[22:26] = bytes(4)
    crc = 0
    for byte in page:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ TABLE[(crc >> 24) ^ byte]
    page[22:26] = crc.to_bytes(4, "little")
    return page


def patch(page: bytearray, at: int, layout: str, value: int) -> None:
    """Write a number into a page."""
    struct.pack_into(layout, page, at, value)
    seal(page)


def make_page(number: int, flags: int, position: int, packets: list[bytes]) -> bytes:
    """Make a page of whole packets: the first of a stream has flag 2, its last 4."""
    sizes = bytes(size for packet in packets for size in [255] * (len(packet) // 255) + [len(packet) % 255])
    head = b"OggS" + struct.pack("<BBqIIIB", 0, flags, position, 1, number, 0, len(sizes))
    return bytes(seal(bytearray(head + sizes + b"".join(packets))))
