#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disks: ubd over host files, copy-on-write, partitions, loop devices, locks, errors; uml_mkcow and uml_moo."""
import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time

from umlaut import LINUX, SPEAK, busybox_root, case, check, holds, kill_tree, main, run, same, script as plain_script, tmp, wait_for

MIB = 1 << 20
BIN = os.path.dirname(LINUX)
MOO, MKCOW = os.path.join(BIN, "uml_moo"), os.path.join(BIN, "uml_mkcow")
numbers = iter(range(1000))


def image(size=8 * MIB, fill=None):
    """A fresh disk image; fill: {offset: bytes}."""
    path = os.path.join(tmp(), f"disk{next(numbers)}")
    with open(path, "wb") as f:
        f.truncate(size)
        for off, data in (fill or {}).items():
            f.seek(off)
            f.write(data)
    os.utime(path, (10 ** 9, 10 ** 9))          # the format notes seconds: a change must be seen as one
    return path


def read(path, off=0, n=-1):
    with open(path, "rb") as f:
        f.seek(off)
        return f.read(n)


def name():
    return os.path.join(tmp(), f"file{next(numbers)}")


def tool(*args, status=0):
    p = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    same(p.returncode, status, f"{args}: {p.stdout}{p.stderr}")
    return p.stdout + p.stderr


DEV = "export PATH=/bin:/sbin; mount -t devtmpfs d /dev; mount -t sysfs s /sys; "


def init(text):
    return ["rdinit=/bin/sh", "--", "-c", DEV + text]


def script(text, *options, **more):
    """text for the guest's sh, with /dev, /proc and /sys."""
    return plain_script(DEV + text, *options, **more)


def output(text, *options, **more):
    """What the script printed; its lines, without the kernel's."""
    r = script(text, *options, **more)
    same(r.status, 0, r.out)
    return [x for x in r.out.splitlines() if not x.startswith("[")]


def said(*options, **more):
    """What a machine says that only boots."""
    return run(["con=null", "con0=null,fd:1", *options, *init("poweroff -f")], **more).out


# ---- plain files ---------------------------------------------------------------------------

@case
def read_and_write():
    disk = image(fill={4096: b"from the host", 8 * MIB - 4: b"last"})
    out = output("""dd if=/dev/ubda bs=1 skip=4096 count=13 2>/dev/null; echo
        tail -c 4 /dev/ubda; echo
        echo from the guest | dd of=/dev/ubda bs=1 seek=1000 conv=notrunc,fsync 2>/dev/null
        dd if=/dev/urandom of=/dev/ubda bs=64k seek=16 count=64 conv=notrunc 2>/dev/null
        dd if=/dev/ubda bs=64k skip=16 count=64 2>/dev/null | md5sum
        blockdev --getsize64 /dev/ubda; ls -l /dev/ubd0 | grep -c ubda""", "ubd0=" + disk)
    same(out[:2], ["from the host", "last"])
    same(out[3:], [str(8 * MIB), "1"])
    same(read(disk, 1000, 15), b"from the guest\n")
    same(tool("sh", "-c", f"dd if={disk} bs=64k skip=16 count=64 2>/dev/null | md5sum"), out[2] + "\n")


@case
def odd_size():
    """Rounded up; what is behind the end of the file reads as zeroes, and there is nothing behind the end of the disk."""
    disk = image(1000, {990: b"0123456789"})
    out = output("""blockdev --getsize64 /dev/ubda; tail -c 34 /dev/ubda | hexdump -v -e '1/1 "%02x"'; echo
        echo x | dd of=/dev/ubda bs=512 seek=2 2>&1 | grep -o "No space left"; dd if=/dev/ubda bs=512 skip=2 2>/dev/null | wc -c""",
                 "ubda=" + disk)
    same(out[0], "1024")
    same(out[1], "30313233343536373839" + "00" * 24)
    same(out[2:], ["No space left", "0"])


@case
def units():
    """Sixteen, by number or letter."""
    disks = [image(MIB * (i + 1)) for i in range(16)]
    options = [f"ubd{i if i % 2 else chr(97 + i)}={d}" for i, d in enumerate(disks)]
    out = output("for i in a b c d e f g h i j k l m n o p; do blockdev --getsize64 /dev/ubd$i; done", *options)
    same(out, [str(MIB * (i + 1)) for i in range(16)])


@case
def wrong_options():
    disk = image(MIB)
    for text, reason in (
            ("z=" + disk, "Device number out of range"),
            ("16=" + disk, "Device number out of range"),
            ("=x", "Didn't parse major number"),
            ("=7", "fake major not supported any more"),
            ("0x=" + disk, "Expected '=' or flag letter (r, s, c, t or d)"),
            ("0rrrrrrr=" + disk, "Too many flags specified"),
            ("0rrrrrrrr=" + disk, "Missing '='"),
            ("?=" + disk, "Couldn't parse device number"),
            (f"0d=a,{disk}", "Can't specify both 'd' and a cow file")):
        holds(said("ubd" + text), f'Failed to initialize device with "{text}" : {reason}')
    holds(said("ubd0=" + disk, "ubd0=" + disk), "Device is already configured")
    holds(said("udb0=" + disk), "almost certainly a ubd -> udb TYPO")
    # The flags of a line that failed are not left behind.
    holds(script("echo ro is $(cat /sys/block/ubda/ro)", "ubd0rx=" + disk, "ubd0=" + disk).out, "ro is 0")


@case
def missing_and_wrong_files():
    out = said("ubd0=/no/such/file")
    holds(out, "Failed to open '/no/such/file', errno = 2", "ubda: Can't open \"/no/such/file\": errno = 2",
          "Failed to initialize ubd device 0 :Couldn't determine size of device's file", "reboot: Power down")
    holds(said("ubd1=" + tmp("adir")), "errno = 21", "Failed to initialize ubd device 1 :(null)")
    bad = image(MIB, {0: b"OOOM\0\0\0\7"})
    holds(said("ubd0=" + bad), "read_cow_header - invalid COW version", "errno = 22")
    same(output("blockdev --getsize64 /dev/ubda", "ubd0d=" + bad), [str(MIB)])
    holds(said(f"ubd0={image(MIB)},{image(MIB)}"), "Failed to read COW header from COW file", "errno = 22")


@case
def read_only():
    disk = image(MIB, {0: b"stays"})
    todo = """echo x | dd of=/dev/ubda 2>&1 | grep -o "Permission denied"; blockdev --getro /dev/ubda; blockdev --setrw /dev/ubda
        head -c 5 /dev/ubda"""
    same(output(todo, "ubd0r=" + disk)[:2], ["Permission denied", "1"])
    if os.getuid():
        os.chmod(disk, 0o444)
        same(output(todo, "ubd0=" + disk)[:2], ["Permission denied", "1"])
    same(read(disk, 0, 5), b"stays")


@case
def serial():
    disk = image(MIB)
    same(output("cat /sys/block/ubda/serial", f"ubd0={disk},,S-123"), ["S-123"])
    same(output("cat /sys/block/ubda/serial", f"ubd0={disk}::S-123"), ["S-123"])


@case
def discard_and_zeroes():
    disk = image(4 * MIB, {0: b"x" * 4 * MIB})
    out = output("blkdiscard -o 1048576 -l 1048576 /dev/ubda && echo done; dd if=/dev/ubda bs=1M skip=1 count=1 2>/dev/null | tr -d '\\0' | wc -c",
                 "ubd0=" + disk)
    same(out, ["done", "0"])
    check(os.stat(disk).st_blocks * 512 <= 3 * MIB, "no hole", os.stat(disk).st_blocks)
    same(read(disk), b"x" * MIB + b"\0" * MIB + b"x" * 2 * MIB)
    same(output("blkdiscard /dev/ubda 2>&1 | grep -o 'not supported'", "ubd0t=" + disk), ["not supported"])


@case
def killed_after_fsync():
    """What was fsynced is in the host's file, however the kernel ends."""
    for cow in (False, True):
        base = image(MIB)
        cowfile = name()
        p = subprocess.Popen([LINUX, *SPEAK, f"ubd0={cowfile},{base}" if cow else "ubd0=" + base, *init(
                              "i=0; while true; do i=$((i+1)); echo $i | dd of=/dev/ubda seek=$((i%100)) conv=notrunc,fsync,sync "
                              "2>/dev/null; echo $i; done")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             start_new_session=True)
        last, end = 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            line = p.stdout.readline().strip()
            last = int(line) if line.isdigit() else last
        kill_tree(p.pid)
        for line in p.stdout.read().split():
            last = int(line) if line.isdigit() else last
        p.wait()
        check(last > 3, "too few rounds", last)
        if cow:
            merged = name()
            tool(MOO, cowfile, merged)
            base = merged
        got = int(read(base, last % 100 * 512, 512).split(b"\n")[0])
        check(got in (last, last + 100), "lost", (got, last))


@case
def locks():
    disk, base = image(MIB), image(MIB)
    p = subprocess.Popen([LINUX, *SPEAK, "ubd0=" + disk, f"ubd1={name()},{base}", *init("echo up; sleep 100")],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    try:
        wait_for("boot", 10, lambda: b"up" in p.stdout.readline())
        holds(said("ubd0=" + disk), f"F_SETLK failed, file already locked by pid {p.pid}",
              f"Failed to lock '{disk}', err = 11")
        holds(said("ubd0r=" + disk), f"F_SETLK failed, file already locked by pid {p.pid}")
        holds(said("ubd0c=" + disk), f'Not locking "{disk}" on the host')
        same(output("blockdev --getsize64 /dev/ubda", f"ubd0={name()},{base}"), [str(MIB)])
        holds(said("ubd0=" + base), "F_SETLK failed")
        tool(MOO, "-d", base, status=1)
    finally:
        kill_tree(p.pid)
        p.wait()


@case
def reboot_keeps_disks():
    disk = image(MIB)
    out = run([*SPEAK, f"ubd0={name()},{disk}", *init(
               "n=$(head -c 1 /dev/ubda); [ \"$n\" = 1 ] && { echo seen; poweroff -f; }; "
               "echo 1 | dd of=/dev/ubda conv=sync,notrunc 2>/dev/null; reboot -f")]).out
    holds(out, "seen")
    same(read(disk, 0, 1), b"\0")


# ---- partitions ----------------------------------------------------------------------------

def entry(kind, start, n):
    return struct.pack("<B3sB3sII", 0, b"", kind, b"", start, n)


@case
def partitions():
    disk = image(4 * MIB, {440: b"\x78\x56\x34\x12", 446: entry(0x83, 64, 1000) + entry(0x83, 2048, 4096), 510: b"\x55\xaa",
                           64 * 512: b"one", 2048 * 512: b"two"})
    out = output("""head -c 3 /dev/ubda1; head -c 3 /dev/ubda2; echo; awk '$4 ~ /ubda/ {print $4, $3}' /proc/partitions
        cat /sys/class/block/ubda2/start; grep PARTUUID /sys/class/block/ubda2/uevent
        dd if=/dev/zero of=/dev/ubda bs=512 count=1 conv=fsync,notrunc 2>/dev/null; blockdev --rereadpt /dev/ubda; ls /dev/ubda*""",
                 "ubd0=" + disk)
    same(out, ["onetwo", "ubda 4096", "ubda1 500", "ubda2 2048", "2048", "PARTUUID=12345678-02", "/dev/ubda"])


DISKCTL = """#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static void say(const char *what, int r)
{
	printf("%s %s\\n", what, r ? strerrorname_np(errno) : "ok");
}

static int part(int fd, int op, int no, long long start, long long length)
{
	struct blkpg_partition p = { .pno = no, .start = start, .length = length };
	struct blkpg_ioctl_arg a = { .op = op, .datalen = sizeof(p), .data = &p };

	return ioctl(fd, BLKPG, &a);
}

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY), of_part;
	struct hd_driveid id;
	struct cdrom_volctrl v;

	say("add", part(fd, BLKPG_ADD_PARTITION, 1, 65536, 512000));
	say("again", part(fd, BLKPG_ADD_PARTITION, 1, 1 << 20, 512));
	say("overlap", part(fd, BLKPG_ADD_PARTITION, 2, 66048, 512));
	say("unaligned", part(fd, BLKPG_ADD_PARTITION, 2, 1 << 20, 100));
	say("outside", part(fd, BLKPG_ADD_PARTITION, 2, 4 << 20, 512));
	say("zero", part(fd, BLKPG_ADD_PARTITION, 0, 1 << 20, 512));
	say("behind", part(fd, BLKPG_ADD_PARTITION, 2, 1 << 20, 1 << 20));
	say("twentieth", part(fd, BLKPG_ADD_PARTITION, 20, 3 << 20, 1 << 20));
	say("shrink", part(fd, BLKPG_RESIZE_PARTITION, 1, 65536, 1024));
	say("move", part(fd, BLKPG_RESIZE_PARTITION, 1, 0, 1024));
	say("into the next", part(fd, BLKPG_RESIZE_PARTITION, 1, 65536, 1 << 20));
	say("none", part(fd, BLKPG_RESIZE_PARTITION, 7, 0, 512));
	of_part = open(argv[2], O_RDONLY);
	say("of a partition", part(of_part, BLKPG_ADD_PARTITION, 3, 0, 512));
	say("used", part(fd, BLKPG_DEL_PARTITION, 2, 0, 0));
	say("delete", part(fd, BLKPG_DEL_PARTITION, 20, 0, 0));
	say("deleted", part(fd, BLKPG_DEL_PARTITION, 20, 0, 0));
	say("operation", part(fd, 77, 1, 0, 512));
	if (argc == 4) {
		say("identity", ioctl(fd, HDIO_GET_IDENTITY, &id));
		printf("%d %d %d\\n", id.cyls, id.heads, id.sectors);
		say("volume", ioctl(fd, CDROMVOLREAD, &v));
		printf("%d %d\\n", v.channel0, v.channel3);
	}
	return 0;
}
"""
PARTED = ["add ok", "again EBUSY", "overlap EBUSY", "unaligned EINVAL", "outside EINVAL", "zero EINVAL", "behind ok", "twentieth ok",
          "shrink ok", "move EINVAL", "into the next EBUSY", "none ENXIO", "of a partition EINVAL", "used EBUSY", "delete ok",
          "deleted ENXIO", "operation EINVAL"]


@case
def partitions_one_by_one():
    src, root = name() + ".c", busybox_root("diskctl")
    with open(src, "w", encoding="utf-8") as f:
        f.write(DISKCTL)
    program = os.path.join(root, "bin", "diskctl")
    tool("gcc", "-D_GNU_SOURCE", "-static", "-o", program, src)
    out = output("diskctl /dev/ubda /dev/ubda2 more; awk '$4 ~ /ubda/ {print $4, $3}' /proc/partitions", "ubd0=" + image(4 * MIB), root=root)
    same([x for x in out if not x.startswith("mount:")], [*PARTED, "identity ok", "2 128 32", "volume ok", "255 255", "ubda 4096", "ubda1 1", "ubda2 1024"])
    if os.getuid():
        return
    host = subprocess.run(["losetup", "-f", "--show", image(4 * MIB)], capture_output=True, text=True, check=False)
    if host.returncode:
        return
    loop_device = host.stdout.strip()
    # A partition that was added outlives the file behind the device.
    forget = ["partx", "--delete", loop_device]
    try:
        subprocess.run(forget, capture_output=True, check=False)
        same(tool(program, loop_device, loop_device + "p2").splitlines(), PARTED, "Linux itself")
    finally:
        subprocess.run(forget, capture_output=True, check=False)
        tool("losetup", "-d", loop_device)


@case
def old_names():
    out = output("cd /dev; ls ubd; readlink ubd/1; readlink ubd0; head -c 3 /dev/ubd/1; echo; rm -r ubd; ls -d ubd 2>&1 | grep -c such",
                 "ubd0=" + image(MIB), "ubd1=" + image(MIB, {0: b"two"}))
    same(out[0].split() + out[1:], ["0", "1", "../ubdb", "ubda", "two", "1"])


# ---- loop devices --------------------------------------------------------------------------

@case
def loop():
    out = output("""cd /tmp; dd if=/dev/zero of=f bs=1M count=4 2>/dev/null
        losetup -f; losetup /dev/loop0 /tmp/f; losetup -f; cat /sys/block/loop0/loop/backing_file
        echo through the loop | dd of=/dev/loop0 seek=10 conv=sync,notrunc,fsync 2>/dev/null; dd if=f skip=10 count=1 2>/dev/null | head -c 16; echo
        losetup -o 5120 /dev/loop1 f; head -c 16 /dev/loop1; echo; blockdev --getsize64 /dev/loop1
        losetup -r /dev/loop2 f; echo | dd of=/dev/loop2 2>&1 | grep -o "Permission denied"
        losetup -d /dev/loop0; losetup -d /dev/loop0 2>&1 | grep -o "No such device"
        losetup -f; ls -d /sys/block/loop0/loop 2>&1 | grep -o "No such file"
        losetup /dev/loop3 /dev/ubda && head -c 4 /dev/loop3; echo""", "ubd0=" + image(MIB, {0: b"disk"}))
    same(out, ["/dev/loop0", "/dev/loop1", "/tmp/f", "through the loop", "through the loop", str(4 * MIB - 5120), "Permission denied",
               "No such device", "/dev/loop0", "No such file", "disk"])


# ---- copy-on-write -------------------------------------------------------------------------

WRITE = "echo {1} | dd of=/dev/ubda bs=512 seek={0} conv=sync,notrunc 2>/dev/null"


def expect_disk(cow, base, sectors):
    """The merged image is base but for these sectors; by our uml_moo and, if it is there, by Debian's."""
    want = bytearray(read(base))
    for s, text in sectors.items():
        want[s * 512:(s + 1) * 512] = (text + "\n").encode().ljust(512, b"\0")
    for moo in (MOO, shutil.which("uml_moo", path="/usr/bin")):
        if moo:
            merged = name()
            tool(moo, cow, merged)
            same(read(merged) == bytes(want), True, moo)


@case
def cow_made_and_used():
    base = image(fill={0: b"base", 5000 * 512: b"base too"})
    before, cow = read(base), name()
    r = run(["con=null", "con0=null,fd:1", f"ubd0={cow},{base}", *init(
             WRITE.format(3, "first") + ";" + WRITE.format(16383, "last") + "; poweroff -f")])
    holds(r.out, f'Creating "{cow}" as COW file for "{base}"')
    same(os.stat(cow).st_size, 8400896)         # the example of the format's description
    check(os.stat(cow).st_blocks * 512 < 100000, "not sparse")
    same(read(base), before, "the backing file")
    # Found by its magic, without naming the backing file; both are read.
    out = output("dd if=/dev/ubda skip=3 count=1 2>/dev/null | head -c 5; head -c 4 /dev/ubda; dd if=/dev/ubda skip=5000 count=1 "
                 "2>/dev/null | head -c 8; echo;" + WRITE.format(5001, "more"), "ubd0=" + cow)
    same(out, ["firstbasebase too"])
    expect_disk(cow, base, {3: "first", 16383: "last", 5001: "more"})


@case
def cow_shared():
    base = image()
    cows = [name() for _ in range(3)]
    procs = [subprocess.Popen([LINUX, *SPEAK, f"ubd0={c},{base}", *init(
                               WRITE.format(i, f"machine {i}") + "; sleep 1; poweroff -f")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) for i, c in enumerate(cows)]
    for p in procs:
        same(p.wait(timeout=60), 0)
    for i, c in enumerate(cows):
        expect_disk(c, base, {i: f"machine {i}"})


@case
def cow_rules():
    base, cow = image(), name()
    tool(MKCOW, cow, base)
    other = name()
    shutil.copy2(base, other)
    out = said(f"ubd0={cow},{other}")
    holds(out, f'Backing file mismatch - "{other}" requested, "{base}" specified in COW header of "{cow}"',
          f"Switching backing file to '{other}'")
    holds(read(cow, 32, 200).decode(errors="replace"), other)
    os.utime(other, (1, 1))
    holds(said("ubd0=" + cow), "mtime mismatch (", "errno = 22")
    os.truncate(other, 4 * MIB)
    holds(said("ubd0=" + cow), f"Size mismatch ({8 * MIB} vs {4 * MIB}) of COW header vs backing file", "errno = 22")
    os.unlink(other)
    holds(said("ubd0=" + cow), f"Couldn't stat '{other}', err = 2")
    # The header's own is taken when the one that was named cannot be it.
    tool(MKCOW, "-f", cow, base)
    same("Switching" in said(f"ubd0={cow},{image(MIB)}"), False)
    holds(said(f"ubd0={name()},/no/such/base"), "Couldn't stat '/no/such/base', err = 2")


@case
def cow_old_versions():
    for version in (1, 2):
        base, cow = image(MIB, {512: b"base"}), name()
        mtime, n = int(os.stat(base).st_mtime), {1: 256, 2: 4096}[version]
        head = (struct.pack("<II", 0x4f4f4f4d, 1) if version == 1 else b"OOOM\0\0\0\2") + base.encode().ljust(n, b"\0")
        head += struct.pack("<IQI" if version == 1 else ">IQI", mtime, MIB, 512)
        bitmap = MIB // 512 // 8
        data = (len(head) + bitmap + 511) // 512 * 512
        with open(cow, "wb") as f:
            f.write(head + b"\1")
            f.seek(data)
            f.write(b"own")
            f.truncate(data + MIB)
        out = output("head -c 3 /dev/ubda; dd if=/dev/ubda skip=1 count=1 2>/dev/null | head -c 4; echo;" + WRITE.format(7, "new"),
                     "ubd0=" + cow)
        same(out, ["ownbase"], f"version {version}")
        merged = name()
        tool(MOO, cow, merged)
        same(read(merged, 0, 3) + read(merged, 512, 4) + read(merged, 7 * 512, 3), b"ownbasenew", f"version {version}")


@case
def cow_random():
    """Random writes, discards and flushes against a model, over several boots."""
    rng = random.Random(4)
    base, cow = image(2 * MIB, {0: rng.randbytes(2 * MIB)}), name()
    model = {}
    for _ in range(3):
        todo = []
        for _ in range(30):
            s = rng.randrange(4096)
            model[s] = f"w{rng.randrange(10 ** 6)}"
            todo.append(WRITE.format(s, model[s]))
            if rng.randrange(10) == 0:
                todo.append("sync")
        same(script("\n".join(todo), f"ubd0={cow},{base}").status, 0)
        expect_disk(cow, base, model)


# ---- tools ---------------------------------------------------------------------------------

@case
def mkcow():
    base, cow, theirs = image(), name(), name()
    tool(MKCOW, cow, base)
    holds(tool(MKCOW, cow, base, status=1), "open COW file: File exists")
    tool(MKCOW, "-f", cow, base)
    tool(MKCOW, cow, status=2)
    none = name()
    holds(tool(MKCOW, none, "/no/such/base", status=1), "write_cow_header: No such file or directory")
    check(not os.path.exists(none), "left something behind")
    tool(MKCOW, "-f", base, base, status=1)
    same(os.stat(base).st_size, 8 * MIB)
    if shutil.which("uml_mkcow", path="/usr/bin"):
        tool("/usr/bin/uml_mkcow", theirs, base)
        same(read(cow), read(theirs))
        same(output("echo ok; " + WRITE.format(9, "theirs"), "ubd0=" + theirs), ["ok"])
        expect_disk(theirs, base, {9: "theirs"})


@case
def moo():
    base, cow = image(fill={MIB: b"b" * 3 * MIB}), name()
    same(script(WRITE.format(2048, "new"), f"ubd0={cow},{base}").status, 0)
    merged = name()
    tool(MOO, cow, merged)
    check(os.stat(merged).st_blocks * 512 < 4 * MIB, "not sparse")
    moved = name()
    shutil.copy2(base, moved)
    holds(tool(MOO, "-b", image(MIB), cow, name(), status=1), "Size mismatch")
    tool(MOO, cow, base, status=1)              # an input as output
    tool(MOO, status=1)
    tool(MOO, "-d", status=1)
    for order in (["-b", moved, "-d", cow], ["-d", "-b", moved, cow]):
        if os.stat(moved).st_mtime != os.stat(base).st_mtime:
            shutil.copy2(base, moved)
        tool(MOO, *order)
        same(read(moved), read(merged))
    holds(tool(MOO, "-b", moved, cow, name(), status=1), "mtime mismatch (")
    check(not os.path.exists(cow + ".merging"), "the mark stays")


@case
def moo_interrupted():
    """Killed at any moment: a new image does not exist or is whole, and a merge in place can be done again."""
    base, cow, want = image(64 * MIB), name(), name()
    same(script("dd if=/dev/urandom of=/dev/ubda bs=1M count=64 2>/dev/null", f"ubd0={cow},{base}", timeout=60).status, 0)
    tool(MOO, cow, want)
    rng = random.Random(5)
    for _ in range(8):
        out = name()
        p = subprocess.Popen([MOO, cow, out])
        time.sleep(rng.random() * 0.1)
        p.send_signal(signal.SIGKILL)
        p.wait()
        check(not os.path.exists(out) or os.stat(out).st_size == 64 * MIB, "half an image")
        p = subprocess.Popen([MOO, "-d", cow])
        time.sleep(rng.random() * 0.05)
        p.send_signal(rng.choice([signal.SIGKILL, signal.SIGINT]))
        p.wait()
        if not os.path.exists(cow + ".merging"):
            break                               # it had ended
    else:
        tool(MOO, "-d", cow)
    same(read(base) == read(want), True, "merged in place")


# ---- the management console ----------------------------------------------------------------

@contextlib.contextmanager
def machine(*options):
    path = os.path.join(tmp("uml"), f"d{next(numbers)}")
    p = subprocess.Popen([LINUX, *SPEAK, "uml_dir=" + tmp("uml"), "umid=" + os.path.basename(path), *options, *init("while true; do sleep 1; done")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         start_new_session=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind("\0disks" + path)
    sock.settimeout(10)

    def ask(command):
        c = command.encode()
        sock.sendto(struct.pack("III", 0xCAFEBABE, 2, len(c)) + c, os.path.join(path, "mconsole"))
        answer = sock.recv(2000)
        return struct.unpack("i", answer[:4])[0], answer[12:-1].decode()
    try:
        wait_for("the console", 10, lambda: os.path.exists(os.path.join(path, "mconsole")))
        time.sleep(0.3)
        yield ask
    finally:
        sock.close()
        kill_tree(p.pid)
        p.wait()


@case
def hot_plug():
    disk, base, cow = image(MIB), image(MIB), name()
    with machine("ubd0=" + disk, "confine=off") as ask:
        for command, error, text in (
                ("config ubd0", 0, disk), ("config ubd1", 0, ""), (f"config ubd1={cow},{base}", 0, ""),
                ("config ubd1", 0, f"{cow},{base}"), ("config ubdb", 0, f"{cow},{base}"),
                (f"config ubd1={disk}", -16, "Device is already configured"),
                (f"config ubd16={disk}", 1, "Device number out of range"),
                (f"config ubd2x={disk}", -22, "Expected '=' or flag letter (r, s, c, t or d)"),
                ("config ubd2=/no/such", -2, "Couldn't determine size of device's file"),
                ("config ubd2", 0, ""), ("config ubd99", 1, "ubd_get_config : device number out of range"),
                ("config ubd1xyz", 0, f"{cow},{base}"),
                ("remove ubd1r", 0, ""), ("config ubd1", 0, ""), ("remove ubd1", -19, "Device doesn't exist"),
                ("remove ubd99", 1, "Invalid device number - must be between 0 and 15"),
                ("remove ubd", 1, "Couldn't parse device number"), ("remove ubd0", 0, "")):
            same(ask(command), (error, text), command)
    check(os.path.exists(cow), "no COW file")


main()
