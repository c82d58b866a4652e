#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squashfs: images of mksquashfs on disks and loop devices, as the root, with every compression; and damaged ones."""
import hashlib
import os
import random
import shutil
import subprocess

from umlaut import BUSYBOX, SPEAK, Skip, busybox_root, case, check, holds, main, run, same, script as plain_script, tmp

DEV = "export PATH=/bin:/sbin; mount -t devtmpfs d /dev; mkdir -p /mnt; "
CODECS = ["gzip", "xz", "lz4", "zstd"]


def script(text, *options, **more):
    return plain_script(DEV + text, *options, **more)


def output(text, *options, **more):
    r = script(text, *options, **more)
    same(r.status, 0, r.out)
    return [x for x in r.out.splitlines() if not x.startswith("[")]


def tree():
    """Files of all sizes around a block, holes, links, a large directory."""
    top = os.path.join(tmp(), "tree")
    if os.path.isdir(top):
        return top
    os.makedirs(top + "/deep/er/and/deeper")
    os.makedirs(top + "/many")
    rng = random.Random(1)
    for n in (0, 1, 100, 4095, 4096, 4097, 131071, 131072, 131073, 300000, 1000001):
        with open(f"{top}/file{n}", "wb") as f:
            f.write(bytes(rng.choice(b"abcdefgh") for _ in range(n // 2)) + rng.randbytes(n - n // 2))
    with open(top + "/holes", "wb") as f:
        f.truncate(40 << 20)
        f.seek(20 << 20)
        f.write(b"in the middle")
    for i in range(3000):
        with open(f"{top}/many/name-{i:05}-{'x' * (i % 40)}", "w", encoding="utf-8") as f:
            f.write(f"{i}\n")
    os.symlink("../file4097", top + "/deep/link")
    os.link(top + "/file4096", top + "/deep/hard")
    os.mkfifo(top + "/fifo")
    os.chmod(top + "/file1", 0o4711)
    shutil.copy(BUSYBOX, top + "/busybox")
    return top


def image(name, *options, source=None):
    if not shutil.which("mksquashfs"):
        raise Skip("mksquashfs is missing")
    path = os.path.join(tmp(), name)
    subprocess.run(["mksquashfs", source or tree(), path, "-noappend", "-quiet", "-no-progress", "-processors", "2",
                    *options], check=True, stdout=subprocess.DEVNULL)
    return path


def sums(top):
    found = []
    for d, _, files in os.walk(top):
        for f in files:
            p = os.path.join(d, f)
            if os.path.isfile(p) and not os.path.islink(p):
                with open(p, "rb") as g:
                    found.append(hashlib.md5(g.read()).hexdigest() + "  ." + p[len(top):])
    return sorted(found)


def same_tree(path, *options):
    out = output("mount -t squashfs /dev/ubda /mnt && cd /mnt && find . -type f | xargs md5sum", "ubd0r=" + path, *options,
                 timeout=60)
    got = set(out)
    same(sorted(got.symmetric_difference(sums(tree())))[:6], [], "differ:")


@case
def every_compression():
    for codec in CODECS:
        same_tree(image(codec, "-comp", codec))


@case
def every_layout():
    for name, options in (("plain", ["-noI", "-noD", "-noF", "-noX"]), ("nofrag", ["-no-fragments"]),
                          ("always", ["-always-use-fragments"]), ("small", ["-b", "4096"]), ("large", ["-b", "1M"]),
                          ("noexport", ["-no-exports", "-no-duplicates"])):
        same_tree(image(name, *options))


@case
def what_is_seen():
    out = output("""mount -t squashfs /dev/ubda /mnt; cd /mnt
        stat -c '%a %h %s' file1 file4096; readlink deep/link; cat deep/link | wc -c; stat -c %i file4096 deep/hard | uniq | wc -l
        test -p fifo && echo fifo; ls many | wc -l; cat many/name-02999-*; ls many/name-nothing 2>&1 | tail -1
        ./busybox echo runs; grep /mnt /proc/mounts; df /mnt | tail -1 | tr -s ' ' | cut -d' ' -f4,5
        echo x >new; rm -f file1; mount -o remount,rw /mnt; echo y 2>&1 >new2
        dd if=holes bs=1 skip=20971520 count=13 2>/dev/null; echo; grep squashfs /proc/filesystems
        cd /; umount /mnt && echo gone""", "ubd0r=" + image("gzip", "-comp", "gzip", "-all-root"))
    text = "\n".join(out)
    holds(text, "4711 1 1\n644 2 4096", "../file4097\n4097\n1\nfifo\n3000\n2999\n", "No such file", "runs\n",
          "/dev/ubda /mnt squashfs ro,relatime,errors=continue 0 0", "0 100%", "in the middle\n\tsquashfs\ngone")
    same(text.count("Read-only file system"), 3, text)


@case
def on_a_loop_device():
    place = tmp("inner")
    shutil.copy(image("zstd", "-comp", "zstd"), place + "/inner.sqfs")
    outer = image("outer", source=place)
    out = output("mount -t squashfs /dev/ubda /mnt; mkdir /in; mount -o loop,ro -t squashfs /mnt/inner.sqfs /in; "
                 "cat /in/deep/link | wc -c; umount /in; umount /mnt; echo done", "ubd0r=" + outer)
    same(out, ["4097", "done"])


@case
def as_the_root():
    path = image("root", "-comp", "xz", "-all-root", source=busybox_root("rootfs"))
    for more in (["root=/dev/ubda", "rootfstype=squashfs"], []):
        r = run([*SPEAK, "ubd0=" + path, *more, "init=/bin/sh", "--", "-c",
                 "mount -t proc p /proc; grep ' / ' /proc/mounts; ls /bin | wc -l; cat </bin/busybox >/dev/null && poweroff -f"])
        same(r.status, 0, r.out)
        holds(r.out, "/dev/ubda / squashfs ro,", str(len(os.listdir(busybox_root("rootfs") + "/bin"))))


@case
def what_is_refused():
    path = image("lzo", "-comp", "lzo")
    r = script("mount -t squashfs /dev/ubda /mnt; echo $?; mount -t squashfs -o bogus=1 /dev/ubdb /mnt; echo $?; "
               "mount -t squashfs /dev/ubdc /mnt; echo $?", "ubd0r=" + path, "ubd1r=" + image("gzip"), "ubd2r=" + BUSYBOX)
    holds(r.out, 'uses "lzo" compression', "Can't find a SQUASHFS superblock on ubdc")
    check(not [x for x in r.out.splitlines() if x == "0"], "a mount succeeded", r.out)


@case
def damaged_images():
    """Random bytes in the tables and the superblock: errors, no end of the kernel, no hang."""
    rng = random.Random(int(os.environ.get("SEED", "7")))
    good = {c: open(image("d" + c, "-comp", c, *more), "rb").read()
            for c, more in (("gzip", []), ("zstd", []), ("gzip", ["-noI", "-noF"]), ("lz4", []), ("xz", []))}
    for i in range(int(os.environ.get("SQUASHFS_ROUNDS", "15"))):
        data = bytearray(good[rng.choice(list(good))])
        start = rng.choice([0, 96, len(data) - 40000])
        end = 96 if not start else len(data)
        for _ in range(rng.choice([1, 3, 30, 300])):
            data[rng.randrange(max(start, 0), end)] = rng.randrange(256)
        path = os.path.join(tmp(), "damaged")
        with open(path, "wb") as f:
            f.write(data)
        # What is walked may be very large: only that it can be ended is asked.
        r = script("mount -t squashfs /dev/ubda /mnt 2>/dev/null && (cd /mnt; timeout 5 ls -lR . ; timeout 5 find . -type f "
                   "| head -200 | timeout 9 xargs cat; readlink deep/link) >/dev/null 2>&1; umount /mnt 2>/dev/null; echo lives",
                   "ubd0r=" + path, "mem=128M", timeout=60)
        same((r.status, "lives" in r.out), (0, True), f"round {i}: {r.out[-500:]}")


if __name__ == "__main__":
    main()
