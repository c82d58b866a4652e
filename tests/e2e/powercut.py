#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ext4 after a power failure of the host: of what was written since the last flush any part is on the disk.

writelog.c notes what the kernel does to the file of its disk under the load of crash_load.c. From each log disks are made, cut
at flushes and anywhere between: what a flush that has ended covers is there; of the rest, sector by sector, the old
bytes or any of the new ones. Each disk is then mounted (which replays the journal), looked at, unmounted; e2fsck has nothing to say,
also when it replays a copy by itself.

POWERCUT_DISKS: how many of each kind (make crash: 1,000). POWERCUT_SEED: the first load's.
"""
import bisect
import os
import random
import shutil
import struct
import subprocess
import time

from crashdisk import compare, expectations, files, fsck, machine, make_disk
from umlaut import LINUX, PATIENCE, case, check, compile_c, main, run, same, tmp

DISKS = int(os.environ.get("POWERCUT_DISKS", "16"))
SEED = int(os.environ.get("POWERCUT_SEED", str(int(time.time()) % 100000)))
SECTOR = 512
MOO, MKCOW = (os.path.join(os.path.dirname(LINUX), x) for x in ("uml_moo", "uml_mkcow"))
BATCH = 16                      # disks that a machine has
RECORD = struct.Struct("=IIQQQ")
WRITE, HOLE, FLUSH, END = 1, 2, 3, 4
NEVER = 1 << 60


class Change:
    """A write or a hole: its place, its bytes, the records between which the host did it."""

    def __init__(self, begin, off, data):
        self.begin, self.end, self.off, self.data = begin, NEVER, off, data
        self.durable = NEVER        # the record that ends the first flush after it


class Log:
    """What writelog wrote, read and put in order."""

    def __init__(self, path):
        self.text, self.changes, self.flushes = [], [], []
        under_way = {}
        with open(path, "rb") as f:
            while len(head := f.read(RECORD.size)) == RECORD.size:
                kind, number, off, length, text = RECORD.unpack(head)
                now = len(self.text)
                self.text.append(text)
                if kind == END:
                    self._ended(under_way.pop(number), off, now)
                    continue
                if kind == FLUSH:
                    under_way[number] = now
                    continue
                data = f.read(length) if kind == WRITE else bytes(length)
                under_way[number] = Change(now, off, data)
                self.changes.append(under_way[number])
        self._cover()

    def _ended(self, what, result, now):
        check(result < 1 << 63, "a host call failed", result - (1 << 64))
        if isinstance(what, Change):
            same(result in (0, len(what.data)), True, "a short write")
            what.end = now
        else:
            self.flushes.append((what, now))

    def _cover(self):
        """Which flush makes a change durable: the one that ends first of those that began after its end."""
        by_begin = sorted(self.flushes)
        first_end = [end for _, end in by_begin]
        for i in range(len(first_end) - 2, -1, -1):
            first_end[i] = min(first_end[i], first_end[i + 1])
        begins = [begin for begin, _ in by_begin]
        for c in self.changes:
            i = bisect.bisect_right(begins, c.end)
            if i < len(begins):
                c.durable = first_end[i]

    def pending(self, cut):
        """The changes that had begun and that no flush covers."""
        return [c for c in self.changes if c.begin <= cut < c.durable]

    def cuts(self, n, rng):
        """Records behind which the power fails: around the ends of flushes, and any, rather where much is pending."""
        around = [r for _, end in self.flushes for r in (end - 1, end)]

        def one():
            if rng.random() < .3:
                return rng.choice(around)
            return max((rng.randrange(len(self.text)) for _ in range(3)), key=lambda c: len(self.pending(c)))
        return sorted(one() for _ in range(n))


# ---- what is left of the changes that no flush covers: {sector: bytes or None (the old ones)} ------

def sectors(change):
    for i in range(0, len(change.data), SECTOR):
        yield (change.off + i) // SECTOR, change.data[i:i + SECTOR]


def all_of(changes, _):
    return {s: b for c in changes for s, b in sectors(c)}


def none_of(*_):
    return {}


def some_requests(changes, rng):
    p = rng.random()
    return all_of([c for c in changes if rng.random() < p], rng)


def all_but_one(changes, rng):
    lost = rng.randrange(len(changes))
    return all_of(changes[:lost] + changes[lost + 1:], rng)


def only_one(changes, rng):
    return all_of([rng.choice(changes)], rng)


def torn_requests(changes, rng):
    """Each up to some sector, or from some sector on."""
    left = {}
    for c in changes:
        part = list(sectors(c))
        at = rng.randrange(len(part) + 1)
        left.update(part[:at] if rng.random() < .5 else part[at:])
    return left


def any_sectors(changes, rng):
    """Any version of each sector, the old one, too."""
    left, seen = {}, {}
    for c in changes:
        for s, b in sectors(c):
            seen[s] = seen.get(s, 0) + 1
            if rng.random() < 1 / (seen[s] + 1):
                left[s] = b
    return left


WAYS = [all_of, none_of, some_requests, some_requests, all_but_one, only_one, torn_requests, any_sectors]


def whole_superblock(left, changes, first):
    """ext4's superblock is two sectors with one checksum, which Linux, too, takes for one that a disk writes whole."""
    pair = (first + 2, first + 3)
    if pair[0] in left or pair[1] in left:
        full = all_of(changes, None)
        left.update({s: full[s] for s in pair if s in full})
    return left


def copy_sparse(path, to):
    subprocess.run(["cp", "--sparse=always", path, to], check=True)


def put(f, place, data):
    f.seek(place)
    f.write(data)


def make_disks(log, base, cuts, rng, first):
    """A disk for each cut: (path, cut, way). first: where in the file the disk's sector 0 is."""
    durable = sorted((c for c in log.changes if c.durable < NEVER), key=lambda c: (c.durable, c.begin))
    at = 0
    with open(base, "r+b") as f:
        for n, cut in enumerate(cuts):
            while at < len(durable) and durable[at].durable <= cut:
                put(f, durable[at].off, durable[at].data)
                at += 1
            f.flush()
            path = os.path.join(tmp(), f"cut{n}")
            copy_sparse(base, path)
            pending = log.pending(cut)
            way = rng.choice(WAYS) if pending else none_of
            with open(path, "r+b") as out:
                for s, b in whole_superblock(way(pending, rng), pending, first).items():
                    put(out, s * SECTOR, b)
            yield path, cut, way.__name__


# ---- the load, and the look at what is left -------------------------------------------------------

def load(seed, options, mounts):
    """Works on the disk, mounting it so many times. Dirty pages are written out after a moment."""
    once = f"mount -t ext4 {options} /dev/ubda /d && /p/crash_load load /d "
    text = "cd /proc/sys/vm; echo 2 >dirty_writeback_centisecs; echo 10 >dirty_expire_centisecs; cd /;"
    text += "".join(f"{once} {seed + 10000 * i} 60; umount /d;" for i in range(1, mounts))
    return text + f"{once} {seed}"


def record(image, seed, options, mounts):
    """The log of a load, and what the load printed."""
    flushes = 150 if seed % 2 else 2400         # an odd seed's load syncs less often
    log, text = os.path.join(tmp(), "log"), os.path.join(tmp(), "text")
    with open(text, "wb") as out:
        r = subprocess.run([compile_c("writelog"), log, image, str(flushes), LINUX,
                            *machine(load(seed, options, mounts), f"ubda={image}")],
                           stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=120 * PATIENCE, check=False)
    with open(text, "rb") as f:
        said = f.read()
    check(r.returncode == 0 and b"S\r\n" in said, f"seed {seed}: the load", (r.returncode, said[-800:]))
    lines = said.decode(errors="replace").splitlines(keepends=True)
    bad = [x for x in lines if x.startswith("E ") or "panic" in x or "EXT4-fs error" in x]
    check(not bad, f"seed {seed}: the load", bad[:5])
    return Log(log), said


def promises(said, length):
    """What was durable when the text had that length; a line that is not whole is none."""
    text = said[:length].decode(errors="replace")
    return expectations([x.split() for x in text.splitlines(keepends=True) if x.endswith("\n")])


def look_at_all(disks, options, backing):
    """Mounts each in turn; {disk: files}"""
    text = "".join(f"echo disk {n}; mount -t ext4 {options} /dev/ubd{'abcdefghijklmnop'[n]} /d && /p/crash_load look /d;"
                   f"umount /d && echo unmounted {n};" for n in range(len(disks)))
    r = run(machine(text.rstrip(";"), *(f"ubd{n}={d}{backing and ',' + backing}" for n, d in enumerate(disks))), timeout=120)
    found = {}
    for n, part in enumerate(r.out.split("disk ")[1:]):
        lines = part.splitlines()
        check("end" in lines and f"unmounted {n}" in lines, f"looking at {disks[n]}", part[-1500:])
        check("EXT4-fs error" not in part, "an error", part[-1500:])
        found[disks[n]] = files(lines)
    same(len(found), len(disks), r.out[-1500:])
    return found


def flat(path, backing):
    """The disk in a file as e2fsck needs it."""
    copy = path + ".flat"
    if backing:
        subprocess.run([MOO, "-b", backing, path, copy], check=True)
    else:
        copy_sparse(path, copy)
    return copy


def check_by_e2fsck_alone(path, what, backing):
    copy = flat(path, backing)
    status, text = fsck(copy, what, "-fy")
    check(status in (0, 1), text)
    same(fsck(copy, what, "-fn")[0], 0, text)
    os.unlink(copy)


def keep(path):
    """For whoever looks into a failure: POWERCUT_KEEP is a directory."""
    if os.environ.get("POWERCUT_KEEP"):
        shutil.copy(path, os.environ["POWERCUT_KEEP"])


def check_batch(batch, log, said, seed, options, backing):
    names = {path: f"{seed}, cut {cut} of {len(log.text)}, {way}" for path, cut, way in batch}
    for path, cut, _ in batch:
        keep(path)
        if cut % 3 == 0:
            check_by_e2fsck_alone(path, names[path], backing)
    found = look_at_all([path for path, _, _ in batch], options, backing)
    for path, cut, _ in batch:
        compare(promises(said, log.text[cut]), found[path], names[path])
        copy = flat(path, backing) if backing else path
        status, text = fsck(copy, names[path], "-fn")
        same(status, 0, text)
        for done in {path, copy}:
            os.unlink(done)


def make_cow(backing):
    """A copy-on-write file over it, empty; and its sector at which the disk's first one is."""
    cow = backing + ".cow"
    subprocess.run([MKCOW, cow, backing], check=True)
    return cow, (os.path.getsize(cow) - os.path.getsize(backing)) // SECTOR


def cut_disks(kind, options, *mkfs, mounts=1, on_cow=False):
    """Loads with seeds of their own, each on a fresh disk, and disks cut from each."""
    fresh, first, backing = make_disk(kind, *mkfs, size=24 << 20), 0, ""
    if on_cow:
        backing = fresh
        fresh, first = make_cow(backing)
    left, seed, promised = DISKS, SEED, 0
    share = max(BATCH // 2, DISKS // 10)
    # How far a load gets before it has flushed so often depends on the machine: some promise nothing.
    while left > 0 or (promised <= 5 and seed < SEED + 20):
        rng = random.Random(seed)
        image, base = fresh + ".work", fresh + ".base"
        for copy in (image, base):
            copy_sparse(fresh, copy)
        log, said = record(image, seed, options, mounts)
        promised += len(promises(said, len(said)))
        n = max(1, min(left, share))
        disks, batch = make_disks(log, base, log.cuts(n, rng), rng, first), []
        for disk in disks:
            batch.append(disk)
            if len(batch) == BATCH:
                check_batch(batch, log, said, seed, options, backing)
                batch = []
        if batch:
            check_batch(batch, log, said, seed, options, backing)
        left, seed = left - n, seed + 1
    check(promised > 5, "promises", promised)


@case
def ordered():
    cut_disks("ordered", "")


@case
def small_blocks():
    cut_disks("small", "", "-b", "1024")


@case
def data_in_the_journal():
    cut_disks("journal", "-o data=journal")


@case
def ext3():
    cut_disks("ext3", "", "-O", "^extent,^64bit,^metadata_csum,^flex_bg")


@case
def mounted_again_and_again():
    cut_disks("mounts", "", mounts=20)


@case
def freed_blocks_discarded():
    cut_disks("discard", "-o discard,commit=1")


@case
def on_a_copy_on_write_file():
    cut_disks("cow", "", on_cow=True)


if __name__ == "__main__":
    main()
