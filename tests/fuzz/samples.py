#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""samples.py DIR TARGET: the samples of formats that need no tools of the host: part, cow, cpio."""
import gzip
import lzma
import os
import struct
import sys
import uuid
import zlib

SECTOR = 512
DISK = 8 << 20
LAST = DISK // SECTOR - 1


def put_entry(disk, at, index, kind, start, length):
    disk[at * SECTOR + 510:at * SECTOR + 512] = b"\x55\xaa"
    struct.pack_into("<B3xB3xII", disk, at * SECTOR + 446 + 16 * index, 0, kind, start, length)


def dos():
    """Two primary partitions, a chain of three logical ones."""
    disk = bytearray(DISK)
    disk[440:444] = b"\x78\x56\x34\x12"
    put_entry(disk, 0, 0, 0x83, 2048, 2048)
    put_entry(disk, 0, 1, 0x05, 4096, 12288)
    for i, at in enumerate((4096, 8192, 12288)):
        put_entry(disk, at, 0, 0x83, 64, 1024)
        if i < 2:
            put_entry(disk, at, 1, 0x05, at, 4096)
    return disk


def gpt_header(disk, own, other, table):
    entries = bytes(disk[table * SECTOR:table * SECTOR + 128 * 128])
    head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 34, LAST - 33,
                       uuid.UUID(int=1).bytes_le, table, 128, 128, zlib.crc32(entries))
    head = head[:16] + struct.pack("<I", zlib.crc32(head)) + head[20:]
    disk[own * SECTOR:own * SECTOR + len(head)] = head


def gpt():
    disk = bytearray(DISK)
    put_entry(disk, 0, 0, 0xee, 1, LAST)
    table = bytearray(128 * 128)
    linux = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le
    for i in range(4):
        struct.pack_into("<16s16sQQQ72s", table, 128 * i, linux, uuid.UUID(int=100 + i).bytes_le, 2048 * (i + 1),
                         2048 * (i + 2) - 1, 0, f"partition \u00e4 {i}".encode("utf-16le"))
    disk[2 * SECTOR:2 * SECTOR + len(table)] = table
    disk[(LAST - 32) * SECTOR:LAST * SECTOR] = table
    gpt_header(disk, 1, LAST, 2)
    gpt_header(disk, LAST, 1, LAST - 32)
    return disk


def part():
    yield "dos", dos()
    yield "gpt", gpt()


def cow():
    """Every version, as docs/disks.md has them."""
    name, size = b"/disks/base", 1 << 20
    yield "1", struct.pack("<II256sIQI", 0x4f4f4f4d, 1, name, 1234567, size, 512).ljust(4400, b"\0")
    yield "1-big", struct.pack(">II256sIQI", 0x4f4f4f4d, 1, name, 1234567, size, 512).ljust(4400, b"\0")
    yield "2", struct.pack(">4sI4096sIQI", b"OOOM", 2, name, 1234567, size, 512).ljust(4400, b"\0")
    yield "3", struct.pack(">4sIIQIII4096s", b"OOOM", 3, 1234567, size, 512, 4096, 0, name).ljust(4400, b"\0")
    yield "3b", struct.pack(">4sII4xQIII4096s", b"OOOM", 3, 1234567, size, 512, 4096, 0, name).ljust(4400, b"\0")


def cpio_entry(name, mode, data=b"", ino=0, nlink=1, rdev=(0, 0)):
    name = name.encode() + b"\0"
    fields = (ino, mode, 0, 0, nlink, 1700000000, len(data), 0, 1, *rdev, len(name), 0)
    out = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    out += b"\0" * (-len(out) % 4) + data
    return out + b"\0" * (-len(out) % 4)


def archive():
    entries = [cpio_entry(".", 0o40755), cpio_entry("dir", 0o40755), cpio_entry("dir/sub", 0o41777),
               cpio_entry("dir/file", 0o100644, b"contents\n" * 40), cpio_entry("link", 0o120777, b"dir/file"),
               cpio_entry("node", 0o20600, rdev=(1, 3)), cpio_entry("fifo", 0o10600),
               cpio_entry("first", 0o100644, ino=7, nlink=2), cpio_entry("dir/second", 0o100644, b"both", 7, 2)]
    entries += [cpio_entry(f"dir/name{i}", 0o100600 | i, b"x" * i) for i in range(20)]
    return b"".join(entries) + cpio_entry("TRAILER!!!", 0)


def cpio():
    yield "plain", archive()
    yield "gzip", gzip.compress(archive(), mtime=0)
    yield "xz", lzma.compress(archive(), check=lzma.CHECK_CRC32)
    yield "several", archive() + b"\0" * 512 + gzip.compress(archive(), mtime=0)


def main():
    folder, target = sys.argv[1:3]
    for name, data in {"part": part, "cow": cow, "cpio": cpio}[target]():
        path = os.path.join(folder, f"{target}.{name}")
        if not os.path.exists(path):
            with open(path + ".tmp", "wb") as f:
                f.write(data)
            os.rename(path + ".tmp", path)


if __name__ == "__main__":
    main()
