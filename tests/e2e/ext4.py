#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ext4 on a disk: what the guest writes the host's tools find in order, and the other way round."""
import os
import random
import struct
import subprocess

from ext4disk import DEV, KINDS, clean, debugfs, image, on, root_with, tool
from umlaut import LINUX, SPEAK, busybox_root, case, check, holds, kill_tree, main, same, script, tmp, write


@case
def both_sides_read_each_other():
    source = tmp("source")
    write(os.path.join(source, "text"), "from the host\n")
    with open(os.path.join(source, "big"), "wb") as f:
        f.write(bytes(range(256)) * 8000)
    os.symlink("text", os.path.join(source, "link"))
    path = image("both", source=source)
    out = on(path, "cat /mnt/link; md5sum /mnt/big; echo from the guest >/mnt/new; mkdir /mnt/dir; ln /mnt/new /mnt/dir/l;"
                   "cp /mnt/big /mnt/dir/copy; touch -d @13569465600 /mnt/late")
    holds(out, "from the host", subprocess.run(["md5sum", os.path.join(source, "big")], capture_output=True,
                                                text=True, check=True).stdout.split()[0])
    clean(path)
    same(debugfs(path, "cat /dir/l"), "from the guest\n")
    debugfs(path, f"dump /dir/copy {tmp()}/copy")
    with open(os.path.join(source, "big"), "rb") as a, open(os.path.join(tmp(), "copy"), "rb") as b:
        same(a.read(), b.read())
    holds(debugfs(path, "stat /late"), "2400")


@case
def random_work_as_on_tmpfs():
    root = root_with("twin")
    for kind, options in KINDS.items():
        path = image(kind, options)
        for seed in (1, 2):
            out = on(path, f"mount -t tmpfs t /tmp; mkdir /mnt/{seed}; twin /mnt/{seed} /tmp {seed} 800", root=root)
            holds(out, "twin: same")
            clean(path)


@case
def large_directories():
    path = image("dirs", "-b 1024")
    out = on(path, "mkdir /mnt/d; cd /mnt/d; for i in $(seq 2000); do : >name_of_a_file_in_a_directory_$i; done;"
                   "ls | wc -l; ls | sort -u | wc -l; mv name_of_a_file_in_a_directory_77 x; rm *1; ls | wc -l")
    lines = [x for x in out.splitlines() if x.isdigit()]
    same(lines, ["2000", "2000", "1800"])
    clean(path)
    holds(debugfs(path, "htree_dump /d"), "Root node dump")


@case
def names_stay_in_place_while_others_come_and_go():
    for kind in ("ext4", "ext4-1k", "ext3"):
        path = image(kind, KINDS[kind])
        holds(on(path, "dirscan /mnt/d", root=root_with("dirscan")), "dirscan: right")
        clean(path)


@case
def what_fallocate_leaves_and_refuses():
    for kind in ("ext4", "ext4-1k"):
        path = image(kind, KINDS[kind], size=48 << 20)
        out = on(path, "allocs /mnt", root=root_with("allocs"), opts=",commit=60")
        holds(out, "allocs: right")
        clean(path)
    out = script(DEV + "mount -t ext4 -o ro,noload /dev/ubda /mnt && fstrim /mnt 2>&1 || echo refused", "ubd0=" + path).out
    holds(out, "Read-only file system", "refused")


@case
def files_begin_with_a_stripe():
    path = image("stripe", "-b 1024 -E stride=8,stripe-width=16")
    on(path, "for i in 1 2 3 4; do dd if=/dev/zero of=/mnt/x$i bs=1k count=3; dd if=/dev/zero of=/mnt/f$i bs=16k count=$i; "
             "fallocate -l $((i*16384)) /mnt/a$i; sync; done 2>/dev/null")
    for name in [k + str(i) for k in "fa" for i in (1, 2, 3, 4)]:
        same(int(debugfs(path, f"bmap /{name} 0").split()[0]) % 16, 0, name)
    clean(path)


@case
def flags_of_files():
    path = image("flags")
    holds(on(path, "fileflags /mnt", root=root_with("fileflags")), "fileflags: right")
    clean(path)


@case
def a_full_disk():
    path = image("full", size=16 << 20)
    out = on(path, "dd if=/dev/zero of=/mnt/a bs=64k 2>&1 | grep -c 'No space'; rm /mnt/a; sync;"
                   "dd if=/dev/zero of=/mnt/b bs=1M count=4 2>&1 | tail -1; df /mnt | tail -1")
    holds(out, "1\n", "4+0 records out")
    clean(path)


@case
def what_fits_when_written_fits_when_it_goes_to_the_disk():
    """Delayed allocation promises room, also for the blocks that say where the others are."""
    fill = ("dd if=/dev/zero of=/mnt/all bs=64k 2>&1 | grep -c 'No space'; sync; sync /mnt/all && echo all of it;"
            "rm /mnt/all; sync; for i in $(seq 0 400); do dd if=/dev/zero of=/mnt/sparse bs=1k count=1 seek=$((i*997)) conv=notrunc "
            "2>/dev/null || break; done; sync /mnt/sparse && echo and of this; rm /mnt/sparse; sync;"
            "for i in 1 2 3 4; do dd if=/dev/zero of=/mnt/part$i bs=64k count=16 2>/dev/null & done; wait; sync /mnt/part* && ls /mnt | wc -l")
    for kind in ("ext4", "ext4-1k", "ext3", "ext2"):
        path = image(kind, KINDS[kind], size=8 << 20)
        out = on(path, fill + "; dmesg | grep -c 'Data will be lost'")
        holds(out, "1\nall of it\nand of this\n5\n0\n")
        clean(path)


@case
def arrays_of_block_numbers_that_others_left_empty():
    """Linux leaves one behind when all that it leads to is punched out: it goes with the file, or when that is cut."""
    path = image("ext3", "-t ext3 -b 1024", size=8 << 20)
    on(path, "for f in a b c; do dd if=/dev/zero of=/mnt/$f bs=1k seek=20 count=1 2>/dev/null; done")
    for f in "abc":
        array, data = (int(debugfs(path, f"bmap /{f} {n}")) if n else int(debugfs(path, f"stat /{f}").split("(IND):")[1].split(",")[0])
                       for n in (0, 20))
        with open(path, "r+b") as disk:
            disk.seek(array * 1024)
            disk.write(bytes(1024))
        for command in (f"freeb {data}", f"sif /{f} blocks 2"):
            subprocess.run([tool("debugfs"), "-w", "-R", command, path], capture_output=True, check=True)
    subprocess.run([tool("e2fsck"), "-fy", path], capture_output=True, check=False)
    clean(path)
    holds(debugfs(path, "stat /a"), "(IND)")
    on(path, "rm /mnt/a; truncate -s 1k /mnt/b; dd if=/dev/zero of=/mnt/c bs=1k seek=21 count=1 conv=notrunc 2>/dev/null")
    clean(path)
    check("(IND)" not in debugfs(path, "stat /b"), "cut", debugfs(path, "stat /b"))


@case
def times_of_small_inodes_are_whole_seconds_at_once():
    path = image("small", "-I 128", size=8 << 20)
    out = on(path, "echo >/mnt/f; mkdir /mnt/d; cat /mnt/f; stat -c '%x %y %z' /mnt/f /mnt/d")
    same([x.split(".")[1][:9] for x in out.split("[")[0].split() if "." in x], ["0" * 9] * 6, out)


@case
def fsync_of_what_was_forgotten():
    """A file that the caches have dropped, and that is opened again, still waits for the transaction that made it."""
    path = image("forgotten")
    work = (f"mkdir -p /mnt; mount -t proc proc /proc; mount -t devtmpfs dev /dev; mount -t ext4 -o commit=1000 /dev/ubda /mnt; echo kept >/mnt/f;"
            "i=0; while [ $i -lt 30000 ]; do [ -e /mnt/$i ]; i=$((i+1)); done; sync /mnt/f; echo reached; while :; do sleep 1; done")
    p = subprocess.Popen([LINUX, *SPEAK, "ubd0=" + path, "mem=256M", "rdinit=/bin/sh", "--", "-c", work],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    try:
        same(p.stdout.readline().strip(), b"reached")
    finally:
        kill_tree(p.pid)
        p.wait()
        p.stdout.close()
    holds(on(path, "cat /mnt/f"), "kept")
    clean(path)


@case
def root_on_the_disk():
    path = image("root", source=busybox_root("diskroot"), size=96 << 20)
    r = script("mount; mount -o remount,rw / && echo kept >/file && sync; mount -o remount,ro /; mount | head -1",
               "ubd0=" + path, "root=/dev/ubda", "ro", "init=/bin/sh", root=None)
    holds(r.out, "/dev/root on / type ext4") if "/dev/root" in r.out else holds(r.out, " on / type ext4")
    clean(path)
    same(debugfs(path, "cat /file"), "kept\n")


@case
def refused_features_and_options():
    path = image("bigalloc", "-O bigalloc")
    r = script(DEV + "mount -t ext4 /dev/ubda /mnt || echo refused; dmesg", "ubd0=" + path)
    holds(r.out, "refused", "bigalloc")
    path = image("quota", "-O quota")
    r = script(DEV + "mount -t ext4 /dev/ubda /mnt; grep ubda /proc/mounts", "ubd0=" + path)
    holds(r.out, "/dev/ubda /mnt ext4 ro")
    path = image("plain")
    r = script(DEV + "for o in data=no commit=x errors=perhaps nonsense; do mount -t ext4 -o $o /dev/ubda /mnt "
               "|| echo refused; done", "ubd0=" + path)
    same(r.out.count("refused"), 4)


def damage(blob, rng):
    """Some bytes of blocks in use become others: the same ones in each run, whatever times and ids the image has."""
    blob = bytearray(blob)
    used = [i for i in range(0, len(blob), 1024) if any(blob[i:i + 1024])]
    for _ in range(rng.choice((2, 8, 32, 128))):
        start = rng.choice(used[:60] if rng.random() < .6 else used)
        at = start + rng.randrange(1024)
        if not 1080 <= at < 1082:
            blob[at] = rng.choice((0, 255, 127, 128, 1, rng.randrange(256)))
    return blob


# A size may have become so large that reading it all has no end, on any system.
USE = ("(cd /mnt; ls -laR .; timeout 5 cat $(find . -type f); mkdir zz; timeout 5 cp -r d zz; mv zz/d e; for x in *; do echo more >>$x; done;"
       "truncate -s 100 big; rm -rf d2; for j in $(seq 40); do : >new$j; done; rm -rf *) >/dev/null 2>&1; sync; umount /mnt")


@case
def damaged_images_never_kill_the_kernel():
    rng = random.Random(5)
    source = tmp("victim")
    for d in ("d", "d2"):
        os.makedirs(os.path.join(source, d), exist_ok=True)
        for i in range(80):
            write(os.path.join(source, d, f"a_file_name_of_some_length_{i}"), "x" * i)
    write(os.path.join(source, "big"), "line\n" * 20000)
    kinds = ("-O ^metadata_csum", "-b 1024 -O ^metadata_csum,^has_journal", "-t ext2 -b 1024",
             "-O inline_data,^metadata_csum -I 256", "")
    for boot in range(3):
        disks, text = [], DEV + "\n"
        for i in range(4):
            path = image(f"damaged{i}", kinds[(4 * boot + i) % len(kinds)], size=8 << 20, source=source)
            with open(path, "rb") as f:
                blob = damage(f.read(), rng)
            with open(path, "wb") as f:
                f.write(blob)
            disks.append(f"ubd{i}={path}")
            text += f"mount -t ext4 /dev/ubd{'abcd'[i]} /mnt 2>/dev/null && {{ {USE}; }}\n"
        r = script(text + "echo alive-$((40+2))", *disks, "mem=512M", timeout=120)
        same(r.status, 0, r.out)
        holds(r.out, "alive-42")


@case
def blocks_of_directories_in_use_twice():
    # The bitmap says that the blocks of a directory are free: it gets its own as a new one, first when it gets an index.
    fill = "for i in $(seq 120); do touch /mnt/d/a_name_of_some_length_$i; done 2>/dev/null; sync"
    path = image("twice", "-b 1024 -O ^metadata_csum,^has_journal", size=4 << 20)
    on(path, "mkdir /mnt/d; for i in $(seq 20); do : >/mnt/d/x_$i; done")
    for block in debugfs(path, "blocks /d").split():
        subprocess.run([tool("debugfs"), "-w", "-R", f"freeb {block}", path], capture_output=True, check=True)
    r = script(f"{DEV} mount -t ext4 -o errors=continue /dev/ubda /mnt; {fill}; umount /mnt; dmesg; echo alive-$((40+2))",
               "ubd0=" + path)
    holds(r.out, "alive-42", "EXT4-fs error")

    # Each leaf of the index is its root.
    path = image("leaf", "-b 1024 -O ^metadata_csum,^has_journal", size=4 << 20)
    on(path, "mkdir /mnt/d; " + fill)
    block = int(debugfs(path, "blocks /d").split()[0])
    with open(path, "r+b") as f:
        f.seek(block * 1024 + 32)
        limit, count = struct.unpack("<HH", f.read(4))
        check(count > 1 and limit == 124, "an index", (limit, count))
        f.seek(block * 1024 + 36)
        f.write(struct.pack("<I", 0))
        for i in range(1, count):
            f.seek(block * 1024 + 32 + 8 * i + 4)
            f.write(struct.pack("<I", 0))
    r = script(f"{DEV} mount -t ext4 -o errors=continue /dev/ubda /mnt; rm -f /mnt/d/*1; {fill.replace('/a_', '/b_')};"
               "umount /mnt; dmesg; echo alive-$((40+2))", "ubd0=" + path)
    holds(r.out, "alive-42", "EXT4-fs error")


@case
def directories_with_two_names():
    path = image("names", "-b 1024 -O ^has_journal", size=4 << 20)
    on(path, "mkdir -p /mnt/p/a/sub /mnt/q/b")
    a, b = (debugfs(path, "stat " + x).split("Inode:")[1].split()[0] for x in ("/p/a", "/q/b"))
    for command in (f"link <{b}> /p/a/b", f"link <{a}> /q/b/a", f"link <{a}> /p/again"):
        subprocess.run([tool("debugfs"), "-w", "-R", command, path], capture_output=True, check=True)
    # Without the check both rmdir take two locks, each in another order.
    r = script(f"{DEV} mount -t ext4 -o errors=continue /dev/ubda /mnt; cd /mnt; ls p q; ls p/again; mv -T p/a/sub p/again;"
               "(for i in $(seq 100); do rmdir p/a/b; done) 2>/dev/null & (for i in $(seq 100); do rmdir q/b/a; done) 2>/dev/null;"
               "wait; cd /; umount /mnt; dmesg; echo alive-$((40+2))", "ubd0=" + path)
    holds(r.out, "alive-42", "is also in")


if __name__ == "__main__":
    main()
