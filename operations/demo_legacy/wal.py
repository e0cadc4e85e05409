"""Give a -wal file fixed salts: SQLite draws them at random, and the demo folder is the same bytes every time.

The layout is in https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of 32 bytes and frames of
24 bytes and one page; both carry the salts and a checksum that runs on from frame to frame.
"""

from __future__ import annotations

import struct
from pathlib import Path

LITTLE_ENDIAN_SUMS = 0x377F0682
HEADER, FRAME_HEADER = 32, 24
Sums = tuple[int, int]


def settle_salts(wal: Path, salts: bytes) -> None:
    """Write the eight bytes `salts` into header and frames, and every checksum anew."""
    data = bytearray(wal.read_bytes())
    magic, _, page_size = struct.unpack_from(">III", data)
    order = "<" if magic == LITTLE_ENDIAN_SUMS else ">"
    data[16:24] = salts
    sums = checksum(bytes(data[:24]), (0, 0), order)
    struct.pack_into(">II", data, 24, *sums)
    for start in range(HEADER, len(data), FRAME_HEADER + page_size):
        page = start + FRAME_HEADER
        data[start + 8 : start + 16] = salts
        sums = checksum(bytes(data[start : start + 8] + data[page : page + page_size]), sums, order)
        struct.pack_into(">II", data, start + 16, *sums)
    wal.write_bytes(data)


def checksum(content: bytes, sums: Sums, order: str) -> Sums:
    """Continue SQLite's checksum over content whose length is a multiple of eight."""
    first, second = sums
    for left, right in struct.iter_unpack(f"{order}II", content):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second
