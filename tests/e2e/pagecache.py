#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mappings, reads and writes of a disk see the same bytes, in the guest and in the image afterwards."""
import os
import shutil
import subprocess

from umlaut import HERE, busybox_root, case, check, holds, main, output, same, script, tmp

SIZE = 8 << 20


def root_with_program():
    root = busybox_root()
    program = os.path.join(root, "bin", "diskmap")
    if not os.path.exists(program):
        subprocess.run(["gcc", "-O1", "-static", "-o", program, os.path.join(HERE, "diskmap.c")], check=True)
    return root


def image(name, size=SIZE):
    path = os.path.join(tmp("images"), name)
    with open(path, "wb") as f:
        f.truncate(size)
    return path


NODE = "mount -t devtmpfs dev /dev 2>/dev/null; mount -t tmpfs tmp /tmp;"


@case
def mappings_of_a_device():
    path = image("map")
    out = output(NODE + "diskmap /dev/ubda; dd if=/dev/ubda of=/tmp/copy bs=1M count=4 2>/dev/null; "
                 "md5sum </tmp/copy", f"ubda={path}", root=root_with_program())
    holds("\n".join(out), "ok map_then_read", "ok past_the_cache", "done")
    copy = subprocess.run(f"head -c 4194304 {path} | md5sum", shell=True, check=True, capture_output=True, text=True)
    holds("\n".join(out), copy.stdout.split()[0])


@case
def without_fast_paths():
    path = image("slow")
    out = output(NODE + "diskmap /dev/ubda", f"ubda={path}", "fastpath=off", root=root_with_program())
    same(out[-1], "done")


@case
def memory_is_given_up():
    """A disk larger than mem= is read, written and mapped: nobody is killed for it."""
    path = image("large", 256 << 20)
    r = script(NODE + "dd if=/dev/zero of=/dev/ubda bs=1M count=256 2>&1 | tail -1; cat /dev/ubda | wc -c; "
               "grep -E '^(Buffers|Dirty)' /proc/meminfo; echo end", f"ubda={path}", "mem=64M",
               root=root_with_program(), timeout=60)
    holds(r.out, "268435456", "end")
    check("Killed process" not in r.out, r.out)


@case
def settings():
    path = image("settings")
    out = output(NODE + "dd if=/dev/zero of=/dev/ubda bs=1M count=4 2>/dev/null; sync; "
                 "exec 3</dev/ubda; head -c 4194304 <&3 >/dev/null; grep Buffers /proc/meminfo; "
                 "echo 1 >/proc/sys/vm/drop_caches; grep Buffers /proc/meminfo; "
                 "echo 4096 >/proc/sys/vm/dirty_bytes; cat /proc/sys/vm/dirty_ratio /proc/sys/vm/dirty_bytes; "
                 "echo 9 >/proc/sys/vm/drop_caches", f"ubda={path}", root=root_with_program())
    numbers = [int(x.split()[1]) for x in out if x.startswith("Buffers")]
    check(numbers[0] >= 4096 and numbers[1] == 0, numbers)
    holds("\n".join(out), "0\n4096", "nvalid")


if __name__ == "__main__":
    if not shutil.which("gcc"):
        raise SystemExit(77)
    main()
