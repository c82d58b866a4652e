#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ext4 after the kernel was killed at any moment: everything that was said to be durable is there.

Each round boots with the disk, works on it (crash_load.c), dies by SIGKILL after a random time, boots again, mounts
(which replays the journal), looks at all files, unmounts; then e2fsck has nothing to say. CRASH_ROUNDS: how many (make
crash: 1,000). CRASH_SEED: the first one.
"""
import os
import random
import shutil
import subprocess
import time

from umlaut import (LINUX, PATIENCE, SPEAK, Skip, case, check, main, run, same, script, tmp)

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "10"))
SEED = int(os.environ.get("CRASH_SEED", str(int(time.time()) % 100000)))
MOUNT = ("mkdir -p /d /p; mount -t devtmpfs none /dev; mount -t hostfs none /p && "
         "mount -t ext4 {options} /dev/ubda /d && ")
E2FSCK = shutil.which("e2fsck", path=os.environ["PATH"] + ":/sbin:/usr/sbin")
MKE2FS = shutil.which("mke2fs", path=os.environ["PATH"] + ":/sbin:/usr/sbin")


def program():
    """A directory with the static load program."""
    place = tmp("programs")
    out = os.path.join(place, "crash_load")
    if not os.path.exists(out):
        src = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crash_load.c")
        subprocess.run(["gcc", "-O1", "-static", "-o", out, src], check=True)
    return place


def arguments(image, command, options=""):
    """A kernel that mounts the image and runs a command of the load program."""
    text = MOUNT.format(options=options) + command
    return [*SPEAK, f"ubda={image}", f"hostfs={program()}", "mem=256M", "rdinit=/bin/sh", "--", "-c",
            f"mount -t proc proc /proc; {text}; poweroff -f"]


def make_disk(name, *mkfs):
    if not E2FSCK or not MKE2FS:
        raise Skip("e2fsprogs is missing")
    if "ext4" not in script("cat /proc/filesystems").out:
        raise Skip("the kernel was built without ext4")
    image = os.path.join(tmp(), name)
    with open(image, "wb") as f:
        f.truncate(48 << 20)
    subprocess.run([MKE2FS, "-q", "-F", "-t", "ext4", *mkfs, image], check=True)
    r = run(arguments(image, "/p/crash_load fill /d; sync; umount /d && echo filled"))
    check("filled" in r.out, "filling the disk", r)
    return image


def work_and_die(image, seed, seconds, options):
    """The lines that the load printed before the kernel was killed."""
    p = subprocess.Popen([LINUX, *arguments(image, f"/p/crash_load load /d {seed}", options)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         start_new_session=True)
    before = []
    for line in p.stdout:
        if line.strip() == b"S":
            break
        before.append(line)
    else:
        raise AssertionError(f"seed {seed}: no start: {b''.join(before)[-800:]!r}")
    timer = subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -9 {p.pid}"])
    lines = p.stdout.read().decode(errors="replace").splitlines(keepends=True)
    p.wait()
    timer.wait()
    p.stdout.close()
    errors = [x for x in lines if x.startswith("E ") or "panic" in x or "EXT4-fs error" in x]
    check(not errors, f"seed {seed}: the load", errors[:5])
    return [x.split() for x in lines if x.endswith("\n")]


def expectations(lines):
    """{path: (id, size) or None (gone)}; names with an operation under way are left out."""
    sure = {}
    for words in lines:
        if len(words) == 2 and words[0] == "B":
            sure.pop(words[1], None)
        elif len(words) == 2 and words[0] == "U":
            sure[words[1]] = None
        elif len(words) == 4 and words[0] == "P":
            sure[words[1]] = (words[2], int(words[3]))
    return sure


def look(image, seed):
    """{path: (id, size, first wrong offset, kind)} after replay."""
    r = run(arguments(image, "/p/crash_load look /d; umount /d && echo unmounted"), timeout=60)
    lines = r.out.splitlines()
    check("end" in lines and "unmounted" in lines, f"seed {seed}: looking", r)
    found = {}
    for words in (x.split() for x in lines):
        if len(words) == 5 and words[0].startswith("w"):
            found[words[0]] = (words[1], int(words[2]), int(words[3]), words[4])
    return found


def compare(sure, found, seed):
    for path, (number, size, wrong, kind) in found.items():
        check(kind in ("-", "zero"), f"seed {seed}: {path} {number} of {size} bytes at {wrong}", kind)
    for path, want in sure.items():
        if want is None:
            check(path not in found, f"seed {seed}: {path} is there again")
            continue
        check(path in found, f"seed {seed}: {path} is gone")
        number, size, wrong, kind = found[path]
        same(number, want[0], f"seed {seed}: {path}")
        check(size >= want[1], f"seed {seed}: {path} has {size} bytes, not", want[1])
        check(wrong < 0 or wrong >= want[1], f"seed {seed}: {path}, byte {wrong} of {want[1]}", kind)


def fsck(image, seed, *how):
    r = subprocess.run([E2FSCK, *how, image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return r.returncode, f"seed {seed}: e2fsck {' '.join(how)}: {r.stdout.decode(errors='replace')[-800:]}"


def one_round(image, seed, options):
    rng = random.Random(seed)
    lines = work_and_die(image, seed, rng.uniform(0.02, 0.8) * PATIENCE, options)
    if seed % 4 == 0:           # e2fsck replays what we wrote
        copy = image + ".copy"
        shutil.copy(image, copy)
        status, text = fsck(copy, seed, "-fy")
        check(status in (0, 1), text)
        same(fsck(copy, seed, "-fn")[0], 0, text)
        os.unlink(copy)
    compare(expectations(lines), look(image, seed), seed)
    status, text = fsck(image, seed, "-fn")
    same(status, 0, text)
    return sum(1 for x in lines if x and x[0] in "PU")


def rounds(n, options="", *mkfs):
    image = make_disk("disk", *mkfs)
    durable = sum(one_round(image, SEED + i, options) for i in range(n))
    check(durable > n, "operations that were reported durable", durable)
    os.unlink(image)


@case
def killed_at_any_moment():
    rounds(ROUNDS)


@case
def killed_with_small_blocks():
    rounds(max(ROUNDS // 4, 2), "", "-b", "1024")


@case
def killed_with_short_commits():
    rounds(max(ROUNDS // 4, 2), "-o commit=1,data=ordered")


main()
