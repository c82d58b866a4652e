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

from crashdisk import arguments, compare, expectations, fsck, look, make_disk
from umlaut import LINUX, PATIENCE, case, check, main, same

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "10"))
SEED = int(os.environ.get("CRASH_SEED", str(int(time.time()) % 100000)))


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
