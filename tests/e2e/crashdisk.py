# SPDX-License-Identifier: MIT
"""What crash.py and powercut.py share: a disk with the load of crash_load.c on it, and what must be left of it."""
import os
import shutil
import subprocess

from umlaut import SPEAK, Skip, check, run, same, script, tmp

PREPARE = "mkdir -p /d /p; mount -t proc proc /proc; mount -t devtmpfs none /dev; mount -t hostfs none /p && "
MOUNT = "mount -t ext4 {options} /dev/ubda /d && "
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


def machine(text, *options):
    """A kernel that runs the text; the load program is in /p."""
    return [*SPEAK, *options, f"hostfs={program()}", "mem=256M", "rdinit=/bin/sh", "--", "-c", f"{PREPARE}{text}; poweroff -f"]


def arguments(image, command, options=""):
    """A kernel that mounts the image and runs a command of the load program."""
    return machine(MOUNT.format(options=options) + command, f"ubda={image}")


def make_disk(name, *mkfs, size=48 << 20):
    """Its free blocks are full of bytes that no file may show."""
    if not E2FSCK or not MKE2FS:
        raise Skip("e2fsprogs is missing")
    if "ext4" not in script("cat /proc/filesystems").out:
        raise Skip("the kernel was built without ext4")
    image = os.path.join(tmp(), name)
    with open(image, "wb") as f:
        f.truncate(size)
    subprocess.run([MKE2FS, "-q", "-F", "-t", "ext4", *mkfs, image], check=True)
    r = run(arguments(image, "/p/crash_load fill /d && sync && umount /d && echo filled"))
    check("filled" in r.out, "filling the disk", r)
    return image


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
    return files(lines)


def files(lines):
    """What crash_load look says: {path: (id, size, first wrong offset, kind)}"""
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
